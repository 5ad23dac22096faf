#include <algorithm>
#include <cmath>

#include "error.hpp"
#include "loss_program.hpp"

namespace loss {
namespace {

// Values and gradients of all nodes are kept at once.
constexpr double largestElements = 1 << 28, largestValue = 1ll << 31;

bool isLeaf(const Node& node) { return node.op == "output" || node.op == "field" || node.op == "constant"; }

Operands operands(const Node& node, const std::vector<Array>& values, const Inputs& inputs) {
    Operands result{node, {}, lengths(node.shape, inputs), inputs};
    for (int operand : node.of) result.of.push_back(&values[operand]);
    return result;
}

void add(Array& total, const Array& more) {
    if (total.values.empty()) total = more;
    else
        for (size_t i = 0; i < more.values.size(); i++) total.values[i] += more.values[i];
}

double elements(const Node& node, const Inputs& inputs) {
    double product = 1;
    for (int64_t length : lengths(node.shape, inputs)) product *= length;
    return product;
}

bool mayBeAbsent(const std::string& field) { return field == "targetMask" || field == "targetWeights"; }

void zeroWhereMasked(const std::string& name, Array& output, const Inputs& inputs) {
    const auto mask = inputs.fields.find("targetMask");
    if (name == "outputHead" || mask == inputs.fields.end()) return;
    const size_t width = output.values.size() / mask->second.values.size();
    for (size_t i = 0; i < output.values.size(); i++)
        if (mask->second.values[i / width] == 0) output.values[i] = 0;
}

}  // namespace

void Program::requireFits(const Inputs& inputs) const {
    double all = 0;
    for (const Node& node : nodes) {
        const bool hasPairs = std::ranges::count(node.shape, "pairs", &Axis::name) > 0;
        require(!hasPairs || inputs.lengths.at("batch") % 2 == 0, name + " has pairs, and the batch an odd number of rows");
        require(elements(node, inputs) <= largestValue, name + " has a value of more than 2³¹ elements");
        all += elements(node, inputs);
        if (node.op != "field") continue;
        const auto found = inputs.fields.find(node.name);
        const bool isThere = found != inputs.fields.end();
        const bool fits = isThere ? found->second.shape == lengths(node.shape, inputs) : mayBeAbsent(node.name);
        require(fits, name + " reads " + node.name + ", which the batch has not, or not of that shape");
    }
    check(all <= largestElements, "tooLarge", name + " would need " + std::to_string(all * 8) + " bytes");
}

void Evaluation::requireFinite() const {
    const double denominator = answer.denominator();
    check(denominator > 0 && std::isfinite(denominator), "nonFinite",
          "the loss's denominator is " + std::to_string(denominator), "a finite number above 0");
    check(std::isfinite(answer.loss()), "nonFinite", "the loss is " + std::to_string(answer.loss()));
}

Array Program::leaf(int number, const Inputs& inputs) const {
    const Node& node = nodes[number];
    if (node.op == "constant") return Array({}, node.value);
    if (node.op == "output") return inputs.outputs.at(node.name);
    const auto found = inputs.fields.find(node.name);
    return found == inputs.fields.end() ? Array(lengths(node.shape, inputs), 1.0) : found->second;
}

std::vector<Array> Program::values(const Inputs& inputs) const {
    std::vector<Array> values;
    for (const Node& node : nodes)
        values.push_back(isLeaf(node) ? leaf(values.size(), inputs)
                                      : operations().at(node.op).value(operands(node, values, inputs)));
    return values;
}

std::map<std::string, Array> Program::gradients(const std::vector<Array>& values, const Inputs& inputs) const {
    std::vector<Array> gradients(nodes.size());
    std::map<std::string, Array> result;
    for (const Node& node : nodes)
        if (node.op == "output") result[node.name] = Array(lengths(node.shape, inputs));
    gradients[sum] = Array({}, 1.0);
    for (int number = sum; number >= 0; number--) {
        const Node& node = nodes[number];
        if (gradients[number].values.empty()) continue;
        if (node.op == "output") add(result[node.name], gradients[number]);
        if (isLeaf(node) || !operations().at(node.op).gradient) continue;
        const auto parts = operations().at(node.op).gradient(operands(node, values, inputs), values[number], gradients[number]);
        for (size_t i = 0; i < parts.size(); i++)
            if (!parts[i].values.empty()) add(gradients[node.of[i]], parts[i]);
        gradients[number] = Array();
    }
    return result;
}

swage::v1::Metric Program::reported(const Metric& metric, const std::vector<Array>& values) const {
    const auto scalar = [&](int node) { return values[node].values[0]; };
    swage::v1::Metric result;
    if (metric.kind == "sum") {
        result.set_sum(scalar(metric.node));
    } else if (metric.kind == "maximum") {
        result.set_maximum(scalar(metric.node));
    } else if (metric.kind.empty()) {
        result.mutable_mean()->set_sum(scalar(metric.node) * scalar(denominator));
        result.mutable_mean()->set_over(scalar(denominator));
    } else {
        auto& mean = metric.kind == "mean" ? *result.mutable_mean() : *result.mutable_exponential_mean();
        mean.set_sum(scalar(metric.sum));
        mean.set_over(scalar(metric.over));
    }
    return result;
}

Evaluation Program::evaluate(const Inputs& inputs) const {
    const auto values = this->values(inputs);
    Evaluation result;
    result.answer.set_sum(values[sum].values[0]);
    result.answer.set_denominator(values[denominator].values[0]);
    result.answer.set_loss(result.answer.sum() / result.answer.denominator());
    for (const Metric& metric : metrics) {
        (*result.answer.mutable_metrics())[metric.name] = values[metric.node].values[0];
        (*result.answer.mutable_reported())[metric.name] = reported(metric, values);
    }
    result.gradients = gradients(values, inputs);
    return result;
}

Evaluation Program::learn(Inputs inputs, const std::function<Array(const std::string& output)>& model) const {
    requireFits(inputs);
    for (const std::string& name : outputs()) zeroWhereMasked(name, inputs.outputs[name] = model(name), inputs);
    Evaluation result = evaluate(inputs);
    result.requireFinite();
    for (auto& [name, gradient] : result.gradients) zeroWhereMasked(name, gradient, inputs);
    return result;
}

}  // namespace loss
