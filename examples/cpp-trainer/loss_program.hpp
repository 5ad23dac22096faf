#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "swage/v1/trainer.pb.h"

// Loss programs of Swage (docs/LossPrograms.md): read, checked, evaluated and differentiated in double precision.
namespace loss {

using Dims = std::vector<int64_t>;

struct Array {
    Array() = default;
    explicit Array(Dims shape, double fill = 0);
    Array(Dims shape, std::vector<double> values) : shape(std::move(shape)), values(std::move(values)) {}

    Dims shape;
    std::vector<double> values;
};

// "batch", "sequence", …, whose length comes with the batch; or, without a name, a fixed length.
struct Axis {
    std::string name;
    int64_t length = 1;
    bool operator==(const Axis&) const = default;
};
using Shape = std::vector<Axis>;

struct Node {
    std::string op, name;
    std::vector<int> of;
    int64_t axis = -1, index = -1;
    double value = 0;
    bool reverse = false;
    Shape given;  // what the program says
    Shape shape;  // of the result, inferred
};

struct Inputs {
    std::map<std::string, int64_t> lengths;
    std::map<std::string, Array> outputs, fields;  // targetMask and targetWeights may be absent: 1 everywhere
    std::vector<double> segments;                  // empty: a row is one sequence
};

// What a program reports, by the numbers of its nodes.
struct Metric {
    std::string name, kind;  // without a kind, it is a mean over the denominator
    int node = 0, sum = 0, over = 0;
};

struct Evaluation {
    // Throws nonFinite where there is nothing to learn from.
    void requireFinite() const;

    swage::v1::ForwardBackwardResponse answer;
    std::map<std::string, Array> gradients;  // of the sum by each output that the program reads
};

class Program {
public:
    // Throws invalidLoss where the text is no program. Without a text, it is cross entropy.
    static Program parse(std::string_view json);

    std::set<std::string> outputs() const;
    // Throws invalidLoss where the batch lacks something, or tooLarge. Outputs need not be there yet.
    void requireFits(const Inputs& inputs) const;
    Evaluation evaluate(const Inputs& inputs) const;
    // What a trainer does with it: asks the model for the outputs, evaluates, and keeps both from what is masked.
    Evaluation learn(Inputs inputs, const std::function<Array(const std::string& output)>& model) const;

private:
    Array leaf(int number, const Inputs& inputs) const;
    std::vector<Array> values(const Inputs& inputs) const;
    std::map<std::string, Array> gradients(const std::vector<Array>& values, const Inputs& inputs) const;
    swage::v1::Metric reported(const Metric& metric, const std::vector<Array>& values) const;

    std::string name;
    std::vector<Node> nodes;
    int sum = 0, denominator = 0;
    std::vector<Metric> metrics;
};

// What an operation knows when it runs.
struct Operands {
    const Node& node;
    std::vector<const Array*> of;
    Dims shape;  // of the result
    const Inputs& inputs;

    const Array& operator[](size_t i) const { return *of[i]; }
};

struct Operation {
    size_t arity;
    std::function<Shape(const Node&, const std::vector<Shape>&)> shape;
    std::function<Array(const Operands&)> value;
    // One gradient for each operand; an empty array is none. Without a function, no operand has any.
    std::function<std::vector<Array>(const Operands&, const Array& y, const Array& g)> gradient;
};

// By the name of the operation, leaves excepted.
const std::map<std::string, Operation>& operations();

// The lengths of all axes.
inline std::map<std::string, int64_t> axes(int64_t batch, int64_t sequence, int64_t vocabulary, int64_t hidden) {
    return {{"batch", batch}, {"sequence", sequence}, {"pairs", batch / 2}, {"vocabulary", vocabulary}, {"hidden", hidden}};
}

// The length of each axis. Throws invalidLoss for an axis whose length the batch does not give.
Dims lengths(const Shape& shape, const Inputs& inputs);

// Throws invalidLoss.
void require(bool holds, const std::string& message);

// Evaluates docs/loss-vectors.jsonl, prints how many came out right, and returns how many did not.
int runVectors(const std::string& path);

}  // namespace loss
