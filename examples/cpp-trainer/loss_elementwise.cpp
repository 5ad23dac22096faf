#include "loss_arrays.hpp"

namespace loss {
namespace {

Shape same(const Node&, const std::vector<Shape>& of) { return of[0]; }
Shape met(const Node&, const std::vector<Shape>& of) { return meet(of[0], of[1]); }

double sigmoid(double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
double sign(double x) { return std::isnan(x) ? x : (x > 0) - (x < 0); }

Operation unary(double (*f)(double x), double (*gradient)(double g, double x, double y) = nullptr) {
    Operation operation{1, same, [f](const Operands& of) {
        Array y = of[0];
        for (double& value : y.values) value = f(value);
        return y;
    }, nullptr};
    if (!gradient) return operation;
    operation.gradient = [gradient](const Operands& of, const Array& y, const Array& g) {
        Array result = g;
        for (size_t i = 0; i < g.values.size(); i++)
            result.values[i] = gradient(g.values[i], of[0].values[i], y.values[i]);
        return std::vector{result};
    };
    return operation;
}

using Partial = double (*)(double g, double a, double b, double y);

Operation binary(double (*f)(double a, double b), Partial byA = nullptr, Partial byB = nullptr) {
    Operation operation{2, met, [f](const Operands& of) {
        Array a = repeat(of[0], of.shape);
        const Array b = repeat(of[1], of.shape);
        for (size_t i = 0; i < a.values.size(); i++) a.values[i] = f(a.values[i], b.values[i]);
        return a;
    }, nullptr};
    if (!byA) return operation;
    operation.gradient = [byA, byB](const Operands& of, const Array& y, const Array& g) {
        const Array a = repeat(of[0], of.shape), b = repeat(of[1], of.shape);
        Array left = g, right = g;
        for (size_t i = 0; i < g.values.size(); i++) {
            left.values[i] = byA(g.values[i], a.values[i], b.values[i], y.values[i]);
            right.values[i] = byB(g.values[i], a.values[i], b.values[i], y.values[i]);
        }
        return std::vector{sumTo(left, of[0].shape), sumTo(right, of[1].shape)};
    };
    return operation;
}

}  // namespace

std::map<std::string, Operation> elementwiseOperations() {
    return {
        {"abs", unary([](double x) { return std::abs(x); }, [](double g, double x, double) { return g * sign(x); })},
        {"exp", unary([](double x) { return std::exp(x); }, [](double g, double, double y) { return g * y; })},
        {"log", unary([](double x) { return std::log(x); }, [](double g, double x, double) { return g / x; })},
        {"negate", unary([](double x) { return -x; }, [](double g, double, double) { return -g; })},
        {"not", unary([](double x) { return double(x == 0); })},
        {"relu", unary([](double x) { return x < 0 ? 0 : x; }, [](double g, double x, double) { return x > 0 ? g : 0; })},
        {"sigmoid", unary(sigmoid, [](double g, double, double y) { return g * y * (1 - y); })},
        {"sign", unary(sign)},
        {"softplus", unary([](double x) { return larger(x, 0) + std::log1p(std::exp(-std::abs(x))); },
                           [](double g, double x, double) { return g * sigmoid(x); })},
        {"sqrt", unary([](double x) { return std::sqrt(x); }, [](double g, double, double y) { return g / (2 * y); })},
        {"stopGradient", unary([](double x) { return x; })},
        {"tanh", unary([](double x) { return std::tanh(x); }, [](double g, double, double y) { return g * (1 - y * y); })},
        {"add", binary([](double a, double b) { return a + b; }, [](double g, double, double, double) { return g; },
                       [](double g, double, double, double) { return g; })},
        {"subtract", binary([](double a, double b) { return a - b; }, [](double g, double, double, double) { return g; },
                            [](double g, double, double, double) { return -g; })},
        {"multiply", binary([](double a, double b) { return a * b; }, [](double g, double, double b, double) { return g * b; },
                            [](double g, double a, double, double) { return g * a; })},
        {"divide", binary([](double a, double b) { return a / b; }, [](double g, double, double b, double) { return g / b; },
                          [](double g, double, double b, double y) { return -(g / b) * y; })},
        {"maximum", binary(larger, [](double g, double a, double b, double) { return a == b ? g / 2 : a > b ? g : 0; },
                           [](double g, double a, double b, double) { return a == b ? g / 2 : b > a ? g : 0; })},
        {"minimum", binary(smaller, [](double g, double a, double b, double) { return a == b ? g / 2 : a < b ? g : 0; },
                           [](double g, double a, double b, double) { return a == b ? g / 2 : b < a ? g : 0; })},
        {"and", binary([](double a, double b) { return double(a != 0 && b != 0); })},
        {"or", binary([](double a, double b) { return double(a != 0 || b != 0); })},
        {"equal", binary([](double a, double b) { return double(a == b); })},
        {"notEqual", binary([](double a, double b) { return double(a != b); })},
        {"less", binary([](double a, double b) { return double(a < b); })},
        {"lessOrEqual", binary([](double a, double b) { return double(a <= b); })},
        {"greater", binary([](double a, double b) { return double(a > b); })},
        {"greaterOrEqual", binary([](double a, double b) { return double(a >= b); })},
    };
}

}  // namespace loss
