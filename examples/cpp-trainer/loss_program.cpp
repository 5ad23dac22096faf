#include "loss_program.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "error.hpp"

namespace loss {
namespace {

using Json = nlohmann::json;
constexpr size_t maximumNodes = 4096, maximumChain = 1024, maximumRank = 8;
constexpr int64_t maximumFixed = 1048576, maximumBytes = 16 << 20;

const Shape positions{{"batch"}, {"sequence"}};
const std::map<std::string, Shape> outputShapes{
    {"logProbs", positions},
    {"entropy", positions},
    {"logits", {{"batch"}, {"sequence"}, {"vocabulary"}}},
    {"hiddenStates", {{"batch"}, {"sequence"}, {"hidden"}}},
    {"outputHead", {{"vocabulary"}, {"hidden"}}}};

// A key whose value is null is as if it were not there.
bool isThere(const Json& object, const char* key) { return object.is_object() && object.contains(key) && !object[key].is_null(); }

const Json& entry(const Json& object, const char* key) {
    require(isThere(object, key), std::string("there is no ") + key);
    return object[key];
}

std::string text(const Json& object, const char* key) {
    require(entry(object, key).is_string(), std::string(key) + " is no text");
    return object[key];
}

std::string name(const Json& object) {
    const std::string name = text(object, "name");
    bool hasControls = false;  // U+0000 to U+001F, and U+007F to U+009F, which UTF-8 spells C2 80 to C2 9F
    for (size_t i = 0; i < name.size(); i++) {
        const unsigned char byte = name[i], next = i + 1 < name.size() ? name[i + 1] : 0;
        hasControls = hasControls || byte < 32 || byte == 127 || (byte == 0xC2 && next < 0xA0);
    }
    require(!name.empty() && name.size() <= 256 && !hasControls, "its name has not 1 to 256 bytes, or control characters");
    return name;
}

void requireKnown(const Json& object, const std::set<std::string>& keys) {
    require(object.is_object(), "it is no object");
    for (const auto& [key, value] : object.items()) require(keys.count(key), "there is no key " + key);
}

// Readers take 1.0 for 1.
int64_t whole(const Json& object, const char* key) {
    require(entry(object, key).is_number(), std::string(key) + " is no number");
    const double value = object[key];
    require(value == std::trunc(value), std::string(key) + " is no whole number");
    require(std::abs(value) < 1e9, std::string(key) + " is too large");
    return int64_t(value);
}

// Numbers of nodes that come before `end`.
int nodeNumber(const Json& object, const char* key, int64_t end) {
    const int64_t number = whole(object, key);
    require(number >= 0 && number < end, std::string(key) + " names no earlier node");
    return int(number);
}

Axis parseAxis(const Json& json) {
    if (json.is_string()) {
        const std::string name = json;
        const bool known = std::set<std::string>{"batch", "sequence", "vocabulary", "hidden", "pairs"}.count(name);
        require(known, "there is no axis " + name);
        return {name};
    }
    const int64_t length = whole({{"axis", json}}, "axis");
    require(length >= 1 && length <= maximumFixed, "an axis is not 1 to 1048576 long");
    return {"", length};
}

Shape parseShape(const Json& node) {
    require(entry(node, "shape").is_array(), "its shape is no list");
    Shape shape;
    for (const Json& axis : node["shape"]) shape.push_back(parseAxis(axis));
    return shape;
}

void checkSize(const Shape& shape) {
    require(shape.size() <= maximumRank, "it has more than 8 axes");
    int64_t fixed = 1;
    for (const Axis& axis : shape) {
        fixed *= axis.length;
        require(fixed <= maximumFixed, "its fixed axes have more than 1048576 elements");
    }
}

Shape leafShape(const Node& node, const std::vector<Node>& earlier) {
    if (node.op == "constant") return {};
    if (node.op == "output") {
        require(outputShapes.count(node.name), "there is no output " + node.name);
        return outputShapes.at(node.name);
    }
    const bool known = std::set<std::string>{"targetMask", "targetWeights", "targetIDs"}.count(node.name);
    require(!known || node.given == positions, node.name + " has the shape [batch, sequence]");
    for (const Node& other : earlier) {
        const bool isSame = other.op == "field" && other.name == node.name;
        require(!isSame || other.given == node.given, node.name + " is read with two shapes");
    }
    return node.given;
}

bool has(const std::set<std::string>& operations, const Node& node) { return operations.count(node.op); }

// Reads what its operation needs; the rest is ignored, if it is a key at all.
Node parseNode(const Json& json, const std::vector<Node>& earlier) {
    static const std::set<std::string> alongAxis{"cumulativeSum", "insertAxis", "logSoftmax", "logSumExp", "max", "min", "place",
                                                 "removeAxis", "size", "softmax", "sum", "take"};
    requireKnown(json, {"op", "of", "name", "axis", "index", "value", "reverse", "shape"});
    Node node;
    node.op = text(json, "op");
    if (isThere(json, "of")) {
        require(json["of"].is_array(), "its operands are no list");
        for (const Json& number : json["of"]) node.of.push_back(nodeNumber({{"of", number}}, "of", earlier.size()));
    }
    if (has({"output", "field"}, node)) node.name = name(json);
    if (has(alongAxis, node)) node.axis = whole(json, "axis");
    if (has({"take", "place"}, node)) node.index = whole(json, "index");
    if (has({"field", "broadcastTo", "sumTo", "scatter", "place"}, node)) node.given = parseShape(json);
    if (has({"constant", "power"}, node)) {
        require(entry(json, "value").is_number(), "its value is no number");
        node.value = json["value"];
        require(std::isfinite(node.value), "its value is not finite");
    }
    if (has({"cumulativeSum", "segmentCumulativeSum"}, node) && isThere(json, "reverse")) {
        require(json["reverse"].is_boolean(), "reverse is neither true nor false");
        node.reverse = json["reverse"];
    }

    if (node.op == "output" || node.op == "field" || node.op == "constant") {
        require(node.of.empty(), "it has operands");
        node.shape = leafShape(node, earlier);
    } else {
        const auto found = operations().find(node.op);
        require(found != operations().end(), "there is no operation " + node.op);
        require(node.of.size() == found->second.arity, "it has " + std::to_string(node.of.size()) + " operands");
        std::vector<Shape> shapes;
        for (int operand : node.of) shapes.push_back(earlier[operand].shape);
        node.shape = found->second.shape(node, shapes);
    }
    checkSize(node.shape);
    return node;
}

// The sum of −log-probability · weight over the targets whose mask is 1, divided by their number.
constexpr std::string_view crossEntropy = R"({"format": "swage.loss", "version": 1, "name": "cross_entropy", "nodes": [
        {"op": "output", "name": "logProbs"},
        {"op": "field", "name": "targetMask", "shape": ["batch", "sequence"]},
        {"op": "field", "name": "targetWeights", "shape": ["batch", "sequence"]},
        {"op": "negate", "of": [0]}, {"op": "multiply", "of": [3, 1]}, {"op": "multiply", "of": [4, 2]},
        {"op": "sumTo", "of": [5], "shape": []}, {"op": "sumTo", "of": [1], "shape": []}, {"op": "sumTo", "of": [4], "shape": []},
        {"op": "divide", "of": [8, 7]}, {"op": "exp", "of": [9]}],
    "sum": 6, "denominator": 7, "metrics": [
        {"name": "perplexity", "node": 10, "kind": "exponentialMean", "sum": 8, "over": 7},
        {"name": "tokens", "node": 7, "kind": "sum"}]})";

// JSON in UTF-8 without a mark of its order of bytes, and no key twice.
Json parseJson(std::string_view text) {
    require(text.size() <= size_t(maximumBytes), "the loss program has more than 16 MiB");
    require(!text.starts_with("\xEF\xBB\xBF"), "the loss program begins with a mark of the order of bytes");
    std::vector<std::set<std::string>> open;  // the keys of each object that is not closed yet
    const auto look = [&](int, Json::parse_event_t event, const Json& parsed) {
        if (event == Json::parse_event_t::object_start) open.emplace_back();
        if (event == Json::parse_event_t::object_end) open.pop_back();
        if (event == Json::parse_event_t::key)
            require(open.back().insert(parsed).second, "the key " + parsed.get<std::string>() + " comes twice");
        return true;
    };
    try {
        return Json::parse(text.empty() ? crossEntropy : text, look);
    } catch (const Json::exception&) {
        throw TrainerError("invalidLoss", "the loss program is no JSON");
    }
}

}  // namespace

Array::Array(Dims shape, double fill) : shape(std::move(shape)) {
    size_t size = 1;
    for (int64_t length : this->shape) size *= length;
    values.assign(size, fill);
}

void require(bool holds, const std::string& message) { check(holds, "invalidLoss", message); }

Dims lengths(const Shape& shape, const Inputs& inputs) {
    Dims result;
    for (const Axis& axis : shape) result.push_back(axis.name.empty() ? axis.length : inputs.lengths.at(axis.name));
    return result;
}

Program Program::parse(std::string_view source) {
    const Json json = parseJson(source);
    require(text(json, "format") == "swage.loss" && whole(json, "version") == 1, "the loss is not of swage.loss, version 1");
    Program program;
    requireKnown(json, {"format", "version", "name", "nodes", "sum", "denominator", "metrics"});
    program.name = loss::name(json);
    const Json& nodes = entry(json, "nodes");
    require(nodes.is_array() && !nodes.empty() && nodes.size() <= maximumNodes, "a loss has 1 to 4096 nodes");
    std::vector<size_t> chain;
    for (const Json& node : nodes) {
        const std::string where = program.name + ", node " + std::to_string(chain.size()) + ": ";
        try {
            program.nodes.push_back(parseNode(node, program.nodes));
            chain.push_back(1);
            for (int operand : program.nodes.back().of) chain.back() = std::max(chain.back(), chain[operand] + 1);
            require(chain.back() <= maximumChain, "it ends a chain of more than 1024 nodes");
        } catch (const TrainerError& error) {
            throw TrainerError(error.code, where + error.what());
        }
    }
    const auto scalar = [&](const Json& object, const char* key) {
        const int number = nodeNumber(object, key, nodes.size());
        require(program.nodes[number].shape.empty(), program.name + ": " + key + " is no scalar");
        return number;
    };
    program.sum = scalar(json, "sum");
    program.denominator = scalar(json, "denominator");
    const Json& metrics = entry(json, "metrics");
    require(metrics.is_array() && metrics.size() <= maximumNodes, "a loss has 0 to 4096 metrics");
    std::set<std::string> names;
    size_t unkinded = 0;
    for (const Json& entry : metrics) {
        requireKnown(entry, {"name", "node", "kind", "sum", "over"});
        Metric metric{loss::name(entry), isThere(entry, "kind") ? text(entry, "kind") : "", scalar(entry, "node")};
        require(names.insert(metric.name).second, "two metrics are called " + metric.name);
        const bool isKind = std::set<std::string>{"", "sum", "maximum", "mean", "exponentialMean"}.count(metric.kind);
        require(isKind, "there is no kind " + metric.kind);
        if (metric.kind == "mean" || metric.kind == "exponentialMean") {
            metric.sum = scalar(entry, "sum");
            metric.over = scalar(entry, "over");
        }
        unkinded += metric.kind.empty();
        program.metrics.push_back(metric);
    }
    require(nodes.size() + unkinded <= maximumNodes, "its nodes and metrics without a kind are more than 4096 together");
    return program;
}

std::set<std::string> Program::outputs() const {
    std::set<std::string> names;
    for (const Node& node : nodes)
        if (node.op == "output") names.insert(node.name);
    return names;
}

}  // namespace loss
