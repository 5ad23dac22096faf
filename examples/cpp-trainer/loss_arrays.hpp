#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "loss_program.hpp"

// What the operations of loss programs do to arrays.
namespace loss {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
using Line = std::vector<double>;

// The shape in which two values meet.
inline Shape meet(const Shape& a, const Shape& b) {
    const size_t rank = std::max(a.size(), b.size());
    Shape result(rank);
    for (size_t i = 0; i < rank; i++) {
        const Axis left = i + a.size() < rank ? Axis{} : a[i + a.size() - rank];
        const Axis right = i + b.size() < rank ? Axis{} : b[i + b.size() - rank];
        require(left == right || left == Axis{} || right == Axis{}, "the operands do not meet");
        result[i] = left == Axis{} ? right : left;
    }
    return result;
}

inline int64_t last(const Dims& shape) { return shape.empty() ? 1 : shape.back(); }

// For each element of `to`, which element of `from` is repeated there.
inline std::vector<size_t> sources(const Dims& from, const Dims& to) {
    std::vector<size_t> result{0};
    size_t stride = 1;
    for (size_t back = 1; back <= to.size(); back++) {
        const size_t length = to[to.size() - back];
        const bool repeated = back > from.size() || from[from.size() - back] == 1;
        std::vector<size_t> longer;
        longer.reserve(result.size() * length);
        for (size_t i = 0; i < length; i++)
            for (size_t source : result) longer.push_back(source + (repeated ? 0 : i * stride));
        if (!repeated) stride *= length;
        result = std::move(longer);
    }
    return result;
}

inline Array repeat(const Array& x, const Dims& shape) {
    if (x.shape == shape) return x;
    Array y(shape);
    const auto source = sources(x.shape, shape);
    for (size_t i = 0; i < source.size(); i++) y.values[i] = x.values[source[i]];
    return y;
}

inline Array sumTo(const Array& x, const Dims& shape) {
    if (x.shape == shape) return x;
    Array y(shape);
    const auto source = sources(shape, x.shape);
    for (size_t i = 0; i < source.size(); i++) y.values[source[i]] += x.values[i];
    return y;
}

inline Array reshape(const Array& x, const Dims& shape) { return Array(shape, x.values); }

// Replaces each line along the axis by what the function makes of the lines that stand there in all the arrays.
inline Array overLines(std::vector<const Array*> of, int64_t axis,
                       const std::function<Line(const std::vector<Line>&)>& function) {
    const Dims shape = of[0]->shape;
    size_t inner = 1, outer = 1;
    for (size_t i = 0; i < shape.size(); i++) (int64_t(i) < axis ? outer : inner) *= int64_t(i) == axis ? 1 : shape[i];
    Array y;
    std::vector<Line> lines(of.size());
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < inner; i++) {
            for (size_t k = 0; k < of.size(); k++) {
                const size_t length = of[k]->shape[axis];
                lines[k].resize(length);
                for (size_t j = 0; j < length; j++) lines[k][j] = of[k]->values[(o * length + j) * inner + i];
            }
            const Line result = function(lines);
            if (y.values.empty()) {
                y.shape = shape, y.shape[axis] = result.size();
                y.values.resize(outer * result.size() * inner);
            }
            for (size_t j = 0; j < result.size(); j++) y.values[(o * result.size() + j) * inner + i] = result[j];
        }
    return y;
}

inline Array taken(const Array& x, int64_t axis, int64_t index) {
    Array y = overLines({&x}, axis, [=](const auto& of) { return Line{of[0][index]}; });
    y.shape.erase(y.shape.begin() + axis);
    return y;
}

inline Array placed(const Array& x, int64_t axis, int64_t index, int64_t length) {
    Dims longer = x.shape;
    longer.insert(longer.begin() + axis, 1);
    const Array column = reshape(x, longer);
    return overLines({&column}, axis, [=](const auto& of) {
        Line line(length, 0.0);
        line[index] = of[0][0];
        return line;
    });
}

inline Array transposed(const Array& x) {
    const size_t rank = x.shape.size(), rows = x.shape[rank - 2], columns = x.shape[rank - 1];
    Array y = x;
    std::swap(y.shape[rank - 2], y.shape[rank - 1]);
    for (size_t i = 0; i < x.values.size(); i++) {
        const size_t matrix = i / (rows * columns), row = i / columns % rows, column = i % columns;
        y.values[(matrix * columns + column) * rows + row] = x.values[i];
    }
    return y;
}

// x [m, k] times b [k, n]; leading axes of x are rows.
inline Array product(const Array& x, const Array& b) {
    const size_t k = b.shape[0], n = b.shape[1], m = x.values.size() / k;
    Dims shape = x.shape;
    shape.back() = n;
    Array y(shape);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < k; j++)
            for (size_t l = 0; l < n; l++) y.values[i * n + l] += x.values[i * k + j] * b.values[j * n + l];
    return y;
}

inline Array outerProduct(const Array& a, const Array& b) {
    const Array rows = transposed(reshape(a, {int64_t(a.values.size()) / last(a.shape), last(a.shape)}));
    return product(rows, reshape(b, {int64_t(b.values.size()) / last(b.shape), last(b.shape)}));
}

// Calls with each element of the ids, and with the element that it names of a last axis of n; −1 if it names none.
inline void forEachIndex(const Array& ids, int64_t n, const std::function<void(size_t, int64_t)>& visit) {
    for (size_t i = 0; i < ids.values.size(); i++) {
        const double id = ids.values[i];
        visit(i, id >= 0 && id < n ? int64_t(i / last(ids.shape)) * n + int64_t(id) : -1);
    }
}

inline Array gathered(const Array& x, const Array& ids, double missing) {
    Array y(ids.shape, missing);
    forEachIndex(ids, last(x.shape), [&](size_t i, int64_t source) { if (source >= 0) y.values[i] = x.values[source]; });
    return y;
}

inline Array scattered(const Array& x, const Array& ids, int64_t n) {
    Dims shape = ids.shape;
    shape.back() = n;
    Array y(shape);
    forEachIndex(ids, n, [&](size_t i, int64_t target) { if (target >= 0) y.values[target] += x.values[i]; });
    return y;
}

inline Line runningSum(Line line, bool reverse) {
    if (reverse) std::reverse(line.begin(), line.end());
    for (size_t i = 1; i < line.size(); i++) line[i] += line[i - 1];
    if (reverse) std::reverse(line.begin(), line.end());
    return line;
}

// Replaces each sequence of [batch, sequence] by what the function makes of it.
inline Array overSequences(const Array& x, const Inputs& inputs, const std::function<Line(const Line&)>& function) {
    Array y = x;
    const auto& ids = inputs.segments;
    const size_t length = x.shape[1];
    for (size_t begin = 0, end = 0; begin < x.values.size(); begin = end) {
        do end++;
        while (end % length != 0 && (ids.empty() || ids[end] == ids[begin]));
        const Line line = function(Line(x.values.begin() + begin, x.values.begin() + end));
        std::copy(line.begin(), line.end(), y.values.begin() + begin);
    }
    return y;
}

// Unlike std::max, NaN if either is.
inline double larger(double a, double b) { return std::isnan(a) || a > b ? a : b; }
inline double smaller(double a, double b) { return -larger(-a, -b); }

inline double largest(const Line& line) {
    double result = -infinity;
    for (double x : line) result = larger(result, x);
    return result;
}

inline double logSumExp(const Line& line) {
    const double top = largest(line);
    if (!std::isfinite(top)) return top;
    double total = 0;
    for (double x : line) total += std::exp(x - top);
    return top + std::log(total);
}

std::map<std::string, Operation> elementwiseOperations();

}  // namespace loss
