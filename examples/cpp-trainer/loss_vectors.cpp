#include <cmath>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "error.hpp"
#include "loss_program.hpp"

namespace loss {
namespace {

using Json = nlohmann::json;

double number(const Json& json) { return json.is_string() ? std::stod(json.get<std::string>()) : json.get<double>(); }

Array array(const Json& json) {
    Array result;
    result.shape = json["shape"].get<Dims>();
    for (const Json& value : json["values"]) result.values.push_back(number(value));
    return result;
}

std::map<std::string, Array> arrays(const Json& json) {
    std::map<std::string, Array> result;
    for (const auto& [name, value] : json.items()) result[name] = array(value);
    return result;
}

// Within 1e-6 of the largest finite magnitude; zeros alone within 1e-12.
bool near(const std::vector<double>& found, const Json& expected) {
    if (found.size() != expected.size()) return false;
    double magnitude = 0;
    for (const Json& value : expected)
        if (std::isfinite(number(value))) magnitude = std::max(magnitude, std::abs(number(value)));
    const double tolerance = magnitude > 0 ? 1e-6 * magnitude : 1e-12;
    for (size_t i = 0; i < found.size(); i++) {
        const double right = number(expected[i]);
        const bool same = found[i] == right || (std::isnan(found[i]) && std::isnan(right));
        if (!same && !(std::abs(found[i] - right) <= tolerance)) return false;
    }
    return true;
}

// Throws where the program is refused.
bool passes(const Json& vector) {
    Inputs inputs;
    inputs.lengths = vector["axes"];
    inputs.fields = arrays(vector["fields"]);
    const Program program = Program::parse(vector["program"].dump());
    program.requireFits(inputs);
    inputs.outputs = arrays(vector.at("outputs"));
    const Json segments = vector.value("segmentIDs", Json()), metrics = vector.value("metrics", Json::object()),
               gradients = vector.value("gradients", Json::object());
    if (!segments.is_null()) inputs.segments = segments.get<std::vector<double>>();
    const Evaluation found = program.evaluate(inputs);
    bool right = near({found.answer.sum()}, Json::array({vector["sum"]})) &&
                 near({found.answer.denominator()}, Json::array({vector["denominator"]}));
    for (const auto& [name, value] : metrics.items())
        right = right && found.answer.metrics().count(name) && near({found.answer.metrics().at(name)}, Json::array({value}));
    for (const auto& [name, values] : gradients.items())
        right = right && found.gradients.count(name) && near(found.gradients.at(name).values, values);
    if (right) found.requireFinite();
    return right;
}

bool isRefusedRightly(const Json& vector, const TrainerError& error) {
    const std::string node = vector.contains("node") ? "node " + vector["node"].dump() + ":" : "";
    return vector.value("refused", "") == error.code && std::string(error.what()).find(node) != std::string::npos;
}

}  // namespace

int runVectors(const std::string& path) {
    std::ifstream file(path);
    int passed = 0, failed = 0;
    for (std::string line; std::getline(file, line);) {
        const Json vector = Json::parse(line);
        bool right = false;
        try {
            right = passes(vector) && !vector.contains("refused");
        } catch (const TrainerError& error) {
            right = isRefusedRightly(vector, error);
            if (!right) std::cout << error.what() << "\n";
        }
        (right ? passed : failed)++;
        if (!right) std::cout << "wrong: " << vector["program"]["name"] << "\n";
    }
    std::cout << passed << " of " << passed + failed << " vectors passed\n";
    return failed;
}

}  // namespace loss
