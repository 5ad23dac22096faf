#pragma once
#include "trainer.hpp"

// Numbers as files and messages hold them: one after another, little-endian as this machine is.
template <class Number> std::string pack(const Numbers& values) {
    const std::vector<Number> numbers(values.begin(), values.end());
    return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(Number)};
}

template <class Number> Numbers unpack(const std::string& bytes) {
    std::vector<Number> numbers(bytes.size() / sizeof(Number));
    bytes.copy(reinterpret_cast<char*>(numbers.data()), numbers.size() * sizeof(Number));
    return {numbers.begin(), numbers.end()};
}

template <class Number> loss::Array read(const pb::Tensor& tensor, const std::string& name, const loss::Dims* like = nullptr) {
    constexpr auto type = std::is_same_v<Number, float> ? pb::DATA_TYPE_FLOAT32 : pb::DATA_TYPE_INT32;
    check(tensor.type() == type, "invalidShape", name + " is of another type", pb::DataType_Name(type));
    const loss::Dims shape(tensor.shape().begin(), tensor.shape().end());
    check(!like || shape == *like, "invalidShape", name + " has another shape than input_ids");
    const double bytes = std::accumulate(shape.begin(), shape.end(), 4.0, std::multiplies<>());  // which no shape overflows
    check(bytes == double(tensor.data().size()), "invalidShape", name + " has not as many bytes as its shape says");
    const loss::Array result(shape, unpack<Number>(tensor.data()));
    for (size_t i = 0; i < result.values.size(); i++)
        check(std::isfinite(result.values[i]), "invalidBatch", name + " is not finite at element " + std::to_string(i));
    return result;
}

// Everything is checked before anything happens.
template <class Request> Batch readBatch(const Request& request, const Bigram& model) {
    check(request.has_input_ids() && request.has_target_ids(), "invalidBatch", "there are no input_ids or no target_ids");
    const auto [dims, tokens] = read<int>(request.input_ids(), "input_ids");
    check(dims.size() == 2 && dims[0] > 0 && dims[1] > 0, "invalidShape", "input_ids have another shape", "[batch, sequence]");
    loss::Array targets = read<int>(request.target_ids(), "target_ids", &dims), mask(dims, 1.0), weights(mask), segments(dims);
    if (request.has_target_mask()) mask = read<float>(request.target_mask(), "target_mask", &dims);
    if (request.has_segment_ids()) segments = read<int>(request.segment_ids(), "segment_ids", &dims);
    std::set<std::pair<size_t, double>> runs;  // of segments, by row
    for (size_t p = 0; p < tokens.size(); p++) {
        const std::string where = "[" + std::to_string(p / dims[1]) + ", " + std::to_string(p % dims[1]) + "]";
        check(mask.values[p] == 0 || mask.values[p] == 1, "invalidBatch", "target_mask" + where + " is not 0 or 1");
        targets.values[p] *= mask.values[p];  // where it is 0, any value may stand
        for (double token : {tokens[p], targets.values[p]})
            check(token >= 0 && token < model.vocabulary, "tokenOutOfRange",
                  std::to_string(int64_t(token)) + " is no token, at " + where, "0..<" + std::to_string(model.vocabulary));
        const bool goesOn = p % dims[1] > 0 && segments.values[p] == segments.values[p - 1];
        check(goesOn || runs.emplace(p / dims[1], segments.values[p]).second, "invalidBatch",
              "segment_ids" + where + " takes up a segment again");
    }
    const auto axes = loss::axes(dims[0], dims[1], model.vocabulary, model.hidden);
    std::map<std::string, loss::Array> field{{"targetMask", mask}, {"targetIDs", targets}, {"targetWeights", weights}};
    if constexpr (std::is_same_v<Request, pb::ForwardBackwardRequest>) {
        check(std::ranges::count(mask.values, 1) > 0, "invalidBatch", "target_mask is 0 everywhere", "a target");
        if (request.has_target_weights()) field["targetWeights"] = read<float>(request.target_weights(), "target_weights", &dims);
        for (const auto& [name, tensor] : request.loss_inputs()) field.emplace(name, read<float>(tensor, name));
    }
    return {tokens, targets.values, mask.values, {axes, {}, field, segments.values}};
}
