#include "loss_arrays.hpp"

namespace loss {
namespace {

const Axis& at(const Shape& shape, int64_t axis) {
    require(axis >= 0 && axis < int64_t(shape.size()), "there is no axis " + std::to_string(axis));
    return shape[axis];
}

Shape with(Shape shape, int64_t position, const Axis& axis) {
    require(position >= 0 && position <= int64_t(shape.size()), "there is no place " + std::to_string(position));
    shape.insert(shape.begin() + position, axis);
    return shape;
}

Shape without(Shape shape, int64_t axis) {
    at(shape, axis);
    shape.erase(shape.begin() + axis);
    return shape;
}

Shape same(const Node&, const std::vector<Shape>& of) { return of[0]; }
Shape sameAlongAxis(const Node& node, const std::vector<Shape>& of) { return at(of[0], node.axis), of[0]; }

Shape reduced(const Node& node, const std::vector<Shape>& of) {
    return with(without(of[0], node.axis), node.axis, Axis{});
}

Shape oneSegmented(const Node&, const std::vector<Shape>& of) {
    require(of[0] == Shape{{"batch"}, {"sequence"}}, "it takes [batch, sequence]");
    return of[0];
}

// […, n] and […, k]: where all but the last axes are equal.
Shape leading(const std::vector<Shape>& of) {
    require(!of[0].empty() && !of[1].empty(), "it takes no scalars");
    const Shape left(of[0].begin(), of[0].end() - 1), right(of[1].begin(), of[1].end() - 1);
    require(left == right, "all but the last axes have to be equal");
    return left;
}

const Axis& first(const Shape& given) {
    require(!given.empty(), "its shape has no axis");
    return given[0];
}

// ---- Kinds of operations

// What makes of a line along the axis another one; a reduction makes one of length 1.
Operation alongAxis(decltype(Operation::shape) shape, Line (*f)(const Line& x),
                    Line (*gradient)(const Line& x, const Line& y, const Line& g)) {
    return {1, shape, [f](const Operands& of) {
        return overLines({&of[0]}, of.node.axis, [f](const auto& lines) { return f(lines[0]); });
    }, [gradient](const Operands& of, const Array& y, const Array& g) {
        return std::vector{overLines({&of[0], &y, &g}, of.node.axis, [gradient](const auto& lines) {
            return gradient(lines[0], lines[1], lines[2]);
        })};
    }};
}

// g in equal parts to all elements that reach the extreme.
Line toThoseThatReach(const Line& x, const Line& y, const Line& g) {
    Line result(x.size(), nan);
    if (std::isnan(y[0])) return result;
    const auto count = std::count(x.begin(), x.end(), y[0]);
    for (size_t i = 0; i < x.size(); i++) result[i] = x[i] == y[0] ? g[0] / count : 0;
    return result;
}

Line mapped(Line line, const std::function<double(size_t)>& f) {
    for (size_t i = 0; i < line.size(); i++) line[i] = f(i);
    return line;
}

double total(const Line& line) {
    double sum = 0;
    for (double x : line) sum += x;
    return sum;
}

Line softmax(const Line& x) {
    const double normalizer = logSumExp(x);
    return mapped(x, [&](size_t i) { return std::exp(x[i] - normalizer); });
}

Line logSoftmax(const Line& x) {
    const double normalizer = logSumExp(x);
    return mapped(x, [&](size_t i) { return x[i] - normalizer; });
}

// For an operation that only gives the array another shape, or whose gradient is another of its kind.
Operation rearranging(decltype(Operation::shape) shape, decltype(Operation::value) value,
                      Array (*back)(const Operands&, const Array& g)) {
    return {1, shape, value, [back](const Operands& of, const Array&, const Array& g) { return std::vector{back(of, g)}; }};
}

Operation reshaping(decltype(Operation::shape) shape) {
    return rearranging(shape, [](const Operands& of) { return reshape(of[0], of.shape); },
                       [](const Operands& of, const Array& g) { return reshape(g, of[0].shape); });
}

// ---- The tables

std::map<std::string, Operation> alongOneAxis() {
    const auto spread = [](const Line& x, const Line&, const Line& g) { return Line(x.size(), g[0]); };
    return {
        {"sum", alongAxis(reduced, [](const Line& x) { return Line{total(x)}; }, spread)},
        {"max", alongAxis(reduced, [](const Line& x) { return Line{largest(x)}; }, toThoseThatReach)},
        {"min", alongAxis(reduced, [](const Line& x) { return Line{-largest(mapped(x, [&](size_t i) { return -x[i]; }))}; },
                          toThoseThatReach)},
        {"logSumExp", alongAxis(reduced, [](const Line& x) { return Line{logSumExp(x)}; },
                                [](const Line& x, const Line& y, const Line& g) {
            return mapped(x, [&](size_t i) { return g[0] * std::exp(x[i] - y[0]); });
        })},
        {"softmax", alongAxis(sameAlongAxis, softmax, [](const Line&, const Line& y, const Line& g) {
            const double mean = total(mapped(g, [&](size_t i) { return g[i] * y[i]; }));
            return mapped(y, [&](size_t i) { return y[i] * (g[i] - mean); });
        })},
        {"logSoftmax", alongAxis(sameAlongAxis, logSoftmax, [](const Line&, const Line& y, const Line& g) {
            const double sum = total(g);
            return mapped(y, [&](size_t i) { return g[i] - std::exp(y[i]) * sum; });
        })},
        {"cumulativeSum", rearranging(sameAlongAxis, [](const Operands& of) {
            return overLines({&of[0]}, of.node.axis, [&](const auto& x) { return runningSum(x[0], of.node.reverse); });
        }, [](const Operands& of, const Array& g) {
            return overLines({&g}, of.node.axis, [&](const auto& x) { return runningSum(x[0], !of.node.reverse); });
        })},
        {"segmentCumulativeSum", rearranging(oneSegmented, [](const Operands& of) {
            return overSequences(of[0], of.inputs, [&](const Line& x) { return runningSum(x, of.node.reverse); });
        }, [](const Operands& of, const Array& g) {
            return overSequences(g, of.inputs, [&](const Line& x) { return runningSum(x, !of.node.reverse); });
        })},
        {"segmentSum", rearranging(oneSegmented, [](const Operands& of) {
            return overSequences(of[0], of.inputs, [](const Line& x) { return Line(x.size(), total(x)); });
        }, [](const Operands& of, const Array& g) {
            return overSequences(g, of.inputs, [](const Line& x) { return Line(x.size(), total(x)); });
        })},
        {"take", rearranging([](const Node& node, const std::vector<Shape>& of) {
            const Axis& axis = at(of[0], node.axis);
            require(axis.name.empty(), "its axis has no fixed length");
            require(node.index >= 0 && node.index < axis.length, "there is no index " + std::to_string(node.index));
            return without(of[0], node.axis);
        }, [](const Operands& of) { return taken(of[0], of.node.axis, of.node.index); },
        [](const Operands& of, const Array& g) {
            return placed(g, of.node.axis, of.node.index, of[0].shape[of.node.axis]);
        })},
        {"place", rearranging([](const Node& node, const std::vector<Shape>& of) {
            const Axis& axis = first(node.given);
            require(axis.name.empty(), "its new axis has no fixed length");
            require(node.index >= 0 && node.index < axis.length, "there is no index " + std::to_string(node.index));
            return with(of[0], node.axis, axis);
        }, [](const Operands& of) { return placed(of[0], of.node.axis, of.node.index, of.shape[of.node.axis]); },
        [](const Operands& of, const Array& g) { return taken(g, of.node.axis, of.node.index); })},
    };
}

std::map<std::string, Operation> otherShapes() {
    return {
        {"insertAxis", reshaping([](const Node& node, const std::vector<Shape>& of) { return with(of[0], node.axis, Axis{}); })},
        {"removeAxis", reshaping([](const Node& node, const std::vector<Shape>& of) {
            require(at(of[0], node.axis) == Axis{}, "its axis is not 1");
            return without(of[0], node.axis);
        })},
        {"splitPairs", reshaping([](const Node&, const std::vector<Shape>& of) {
            require(at(of[0], 0).name == "batch", "it takes [batch, …]");
            return with(with(without(of[0], 0), 0, {"", 2}), 0, {"pairs"});
        })},
        {"joinPairs", reshaping([](const Node&, const std::vector<Shape>& of) {
            require(at(of[0], 0).name == "pairs" && at(of[0], 1) == Axis{"", 2}, "it takes [pairs, 2, …]");
            return with(without(without(of[0], 0), 0), 0, {"batch"});
        })},
        {"broadcastTo", rearranging([](const Node& node, const std::vector<Shape>& of) {
            require(meet(of[0], node.given) == node.given, "it does not meet its shape in that shape");
            return node.given;
        }, [](const Operands& of) { return repeat(of[0], of.shape); },
        [](const Operands& of, const Array& g) { return sumTo(g, of[0].shape); })},
        {"sumTo", rearranging([](const Node& node, const std::vector<Shape>& of) {
            require(meet(node.given, of[0]) == of[0], "its shape does not meet it in its own");
            return node.given;
        }, [](const Operands& of) { return sumTo(of[0], of.shape); },
        [](const Operands& of, const Array& g) { return repeat(g, of[0].shape); })},
        {"transpose", rearranging([](const Node&, const std::vector<Shape>& of) {
            require(of[0].size() >= 2, "it has less than 2 axes");
            Shape shape = of[0];
            std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
            return shape;
        }, [](const Operands& of) { return transposed(of[0]); },
        [](const Operands&, const Array& g) { return transposed(g); })},
        {"size", {1, [](const Node& node, const std::vector<Shape>& of) { return at(of[0], node.axis), Shape{}; },
                  [](const Operands& of) { return Array({}, double(of[0].shape[of.node.axis])); }, nullptr}},
    };
}

std::map<std::string, Operation> severalOperands() {
    return {
        {"power", {1, same, [](const Operands& of) {
            Array y = of[0];
            for (double& x : y.values) x = std::pow(x, of.node.value);
            return y;
        }, [](const Operands& of, const Array&, const Array& g) {
            Array result = g;
            const double power = of.node.value;
            for (size_t i = 0; i < g.values.size(); i++)
                result.values[i] = power == 0 ? 0 : g.values[i] * (power * std::pow(of[0].values[i], power - 1));
            return std::vector{result};
        }}},
        {"select", {3, [](const Node&, const std::vector<Shape>& of) { return meet(meet(of[0], of[1]), of[2]); },
                    [](const Operands& of) {
            const Array condition = repeat(of[0], of.shape), otherwise = repeat(of[2], of.shape);
            Array y = repeat(of[1], of.shape);
            for (size_t i = 0; i < y.values.size(); i++)
                if (condition.values[i] == 0) y.values[i] = otherwise.values[i];
            return y;
        }, [](const Operands& of, const Array&, const Array& g) {
            const Array condition = repeat(of[0], of.shape);
            Array chosen = g, otherwise = g;
            for (size_t i = 0; i < g.values.size(); i++)
                (condition.values[i] == 0 ? chosen : otherwise).values[i] = 0;
            return std::vector{Array(), sumTo(chosen, of[1].shape), sumTo(otherwise, of[2].shape)};
        }}},
        {"gather", {2, [](const Node&, const std::vector<Shape>& of) { return leading(of), of[1]; },
                    [](const Operands& of) { return gathered(of[0], of[1], nan); },
                    [](const Operands& of, const Array&, const Array& g) {
            return std::vector{scattered(g, of[1], of[0].shape.back()), Array()};
        }}},
        {"scatter", {2, [](const Node& node, const std::vector<Shape>& of) {
            require(of[0] == of[1], "its operands have different shapes");
            Shape shape = leading(of);
            shape.push_back(first(node.given));
            return shape;
        }, [](const Operands& of) { return scattered(of[0], of[1], of.shape.back()); },
        [](const Operands& of, const Array&, const Array& g) { return std::vector{gathered(g, of[1], 0), Array()}; }}},
        {"matmul", {2, [](const Node&, const std::vector<Shape>& of) {
            require(!of[0].empty() && of[1].size() == 2 && of[0].back() == of[1][0], "it takes […, k] and [k, n]");
            return with(without(of[0], of[0].size() - 1), of[0].size() - 1, of[1][1]);
        }, [](const Operands& of) { return product(of[0], of[1]); },
        [](const Operands& of, const Array&, const Array& g) {
            return std::vector{product(g, transposed(of[1])), outerProduct(of[0], g)};
        }}},
        {"outer", {2, [](const Node&, const std::vector<Shape>& of) { return leading(of), Shape{of[0].back(), of[1].back()}; },
                   [](const Operands& of) { return outerProduct(of[0], of[1]); },
                   [](const Operands& of, const Array&, const Array& g) {
            return std::vector{product(of[1], transposed(g)), product(of[0], g)};
        }}},
    };
}

}  // namespace

const std::map<std::string, Operation>& operations() {
    static const auto table = [] {
        auto all = elementwiseOperations();
        for (auto more : {alongOneAxis(), otherShapes(), severalOperands()}) all.merge(more);
        return all;
    }();
    return table;
}

}  // namespace loss
