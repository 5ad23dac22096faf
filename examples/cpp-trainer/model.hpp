#pragma once
#include <numeric>
#include <random>
#include "loss_arrays.hpp"

using Numbers = std::vector<double>;

// Rows of tokens, a number for each position, and what a loss reads of them.
struct Batch {
    Numbers tokens, targets, mask;
    loss::Inputs loss;
};

// A bigram model: the logits of the next token are head · (gain · norm(embedding of this one)).
// No position sees another, so segments and padding need no care.
struct Bigram {
    int64_t vocabulary, hidden, head = vocabulary * hidden, gain = 2 * head;
    Numbers weights;  // first the embedding, then head and gain, which begin there; float32, held in doubles

    Bigram(int64_t vocabulary, int64_t hidden) : vocabulary(vocabulary), hidden(hidden), weights(gain + hidden, 1.0) {
        std::mt19937 random(0);
        std::normal_distribution<float> normal(0, 0.02f);
        for (int64_t i = 0; i < gain; i++) weights[i] = normal(random);
    }

    // Shows what the model computes at each position whose mask is 1.
    template <class Visit> void forward(const Batch& batch, const Visit& visit) const {
        for (size_t p = 0; p < batch.tokens.size(); p++) {
            if (batch.mask[p] == 0) continue;
            const double *row = &weights[batch.tokens[p] * hidden], *columns = &weights[head];
            const double scale = std::sqrt(std::inner_product(row, row + hidden, row, 0.0) / hidden + 1e-6);
            Numbers normed(row, row + hidden), logProbs(vocabulary);
            for (double& x : normed) x /= scale;
            for (int64_t v = 0; v < vocabulary; v++)
                for (int64_t i = 0; i < hidden; i++) logProbs[v] += columns[v * hidden + i] * weights[gain + i] * normed[i];
            const double normalizer = loss::logSumExp(logProbs);
            for (double& logProb : logProbs) logProb -= normalizer;
            visit(p, scale, normed, logProbs);
        }
    }

    loss::Array logProbs(const Batch& batch) const {
        loss::Array result(batch.loss.fields.at("targetMask").shape);
        forward(batch, [&](size_t p, double, const Numbers&, const Numbers& logProbs) {
            result.values[p] = logProbs[batch.targets[p]];
        });
        return result;
    }

    // Adds to the gradients by the weights, given those by the log-probabilities of the targets.
    void backward(const Batch& batch, const Numbers& byLogProbs, Numbers& gradients) const {
        forward(batch, [&](size_t p, double scale, const Numbers& normed, const Numbers& logProbs) {
            Numbers byNormed(hidden);
            for (int64_t v = 0; v < vocabulary; v++) {
                const double byLogit = byLogProbs[p] * ((v == batch.targets[p]) - std::exp(logProbs[v]));
                for (int64_t i = 0; i < hidden; i++) {
                    const double column = weights[head + v * hidden + i];
                    gradients[head + v * hidden + i] += byLogit * weights[gain + i] * normed[i];
                    gradients[gain + i] += byLogit * column * normed[i];
                    byNormed[i] += byLogit * column * weights[gain + i];
                }
            }
            const double along = std::inner_product(byNormed.begin(), byNormed.end(), normed.begin(), 0.0) / hidden;
            double* byRow = &gradients[batch.tokens[p] * hidden];
            for (int64_t i = 0; i < hidden; i++) byRow[i] += (byNormed[i] - normed[i] * along) / scale;
        });
    }
};
