#pragma once
#include "error.hpp"
#include "model.hpp"

namespace pb = swage::v1;

// All that training changes, and a full checkpoint holds. A call that throws leaves it as it was.
struct Trainer {
    Bigram model;
    double learningRate = 1e-3, weightDecay = 0, maxGradientNorm = 1;  // 0: gradients are never clipped
    double step = 0, microbatches = 0, denominator = 0;
    Numbers sums, means, squares;  // the accumulated gradients, and AdamW's two moments

    explicit Trainer(const Bigram& model) : model(model), sums(model.weights.size()), means(sums), squares(sums) {}

    pb::ForwardBackwardResponse forwardBackward(const Batch& batch, const loss::Program& program) {
        const auto result = program.learn(batch.loss, [&](const std::string& output) {
            check(output == "logProbs", "invalidLoss", "this trainer has no output " + output, "logProbs");
            return model.logProbs(batch);
        });
        for (const auto& [output, gradient] : result.gradients) model.backward(batch, gradient.values, sums);
        denominator += result.answer.denominator();
        microbatches++;
        return result.answer;
    }

    // AdamW, as in torch. Returns the norm of the gradients.
    double optimStep() {
        constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
        check(microbatches > 0, "nothingAccumulated", "there are no gradients", "ForwardBackward first");
        const double gradientNorm = norm(sums) / denominator;
        check(std::isfinite(float(gradientNorm)), "nonFinite", "as float32 the norm overflows: " + std::to_string(gradientNorm));
        const double clip = maxGradientNorm > 0 ? std::min(1.0, maxGradientNorm / (gradientNorm + 1e-6)) : 1;
        Trainer next = *this;
        next.step++;
        const double meanBias = 1 - std::pow(beta1, next.step), squareBias = 1 - std::pow(beta2, next.step);
        for (int64_t i = 0; i < int64_t(sums.size()); i++) {
            const double gradient = sums[i] / denominator * clip, weight = model.weights[i];
            const double decay = i < model.gain ? weightDecay : 0;  // the gain, as all of one axis, does not decay
            const double mean = next.means[i] = beta1 * means[i] + (1 - beta1) * gradient;
            const double square = next.squares[i] = beta2 * squares[i] + (1 - beta2) * gradient * gradient;
            const double change = mean / meanBias / (std::sqrt(square / squareBias) + epsilon);
            next.model.weights[i] = float(weight - learningRate * (decay * weight + change));
        }
        check(std::isfinite(norm(next.model.weights)), "nonFinite", "a weight would not be finite");
        next.clearGradients();
        *this = std::move(next);
        return gradientNorm;
    }

    void clearGradients() {
        sums.assign(sums.size(), 0);
        denominator = microbatches = 0;
    }

    // Shows each number that a full checkpoint holds; that of weights alone has the first of them.
    template <class Visit> void visit(const Visit& visit) {
        for (Numbers* numbers : {&model.weights, &sums, &means, &squares})
            for (double& number : *numbers) visit(number);
        for (double* number : {&learningRate, &weightDecay, &maxGradientNorm, &step, &microbatches, &denominator}) visit(*number);
    }

    static double norm(const Numbers& x) { return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0)); }
};
