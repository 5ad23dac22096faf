#pragma once
#include <stdexcept>
#include <string>

// An error of the protocol: its code, one sentence, and what would have been right.
struct TrainerError : std::runtime_error {
    std::string code, expected;
    TrainerError(const std::string& code, const std::string& message, const std::string& expected = "")
        : std::runtime_error(message), code(code), expected(expected) {}
};

inline void check(bool holds, const std::string& code, const std::string& message, const std::string& expected = "") {
    if (!holds) throw TrainerError(code, message, expected);
}
