#include "swage_kernels.h"

#include <math.h>

#include "check.h"
#include "tests.h"

static const double bound = 1e-5;
static const size_t row_counts[] = {0, 1, 3};

/// Logits up to 2 * spread, and the logarithm of each row's sum of exponentials.
static float *make_logits(size_t rows, size_t vocabulary, float spread, double *lse) {
    float *logits = random_floats(rows * vocabulary);
    for (size_t i = 0; i < rows * vocabulary; i++) logits[i] *= spread;
    for (size_t r = 0; r < rows; r++) {
        double top = -INFINITY, sum = 0;
        for (size_t i = 0; i < vocabulary; i++) top = fmax(top, logits[r * vocabulary + i]);
        for (size_t i = 0; i < vocabulary; i++) sum += exp(logits[r * vocabulary + i] - top);
        lse[r] = top + log(sum);
    }
    return logits;
}

static void begin(const char *kernel, size_t rows, size_t vocabulary, float spread) {
    begin_case(kernel, "rows %zu, vocabulary %zu, spread %g", rows, vocabulary, (double)spread);
}

static float *rounded(const double *x, size_t count) {
    float *y = unwritten(count);
    for (size_t i = 0; i < count; i++) y[i] = (float)x[i];
    return y;
}

static void log_sum_exp(size_t rows, size_t vocabulary, float spread) {
    begin("swage_log_sum_exp", rows, vocabulary, spread);
    double *expected = zeros(rows), *magnitude = zeros(rows);
    float *logits = make_logits(rows, vocabulary, spread, expected), *lse = unwritten(rows);
    for (size_t r = 0; r < rows; r++) magnitude[r] = fmax(1, fabs(expected[r]));
    swage_log_sum_exp(logits, lse, rows, vocabulary);
    expect_close("lse", lse, expected, magnitude, rows, 2e-6);
}

static void log_sum_exp_of_nan(void) {
    for (size_t i = 0; i < size_count; i++) {
        begin_case("swage_log_sum_exp", "vocabulary %zu, with NaN", sizes[i]);
        float *logits = random_floats(sizes[i]), *lse = random_floats(1);
        logits[random_size(0, sizes[i])] = NAN;
        swage_log_sum_exp(logits, lse, 1, sizes[i]);
        expect(isnan(lse[0]), "NaN among the logits gives %g", (double)lse[0]);
    }
}

static void logprob_backward(size_t rows, size_t vocabulary, float spread) {
    begin("swage_logprob_backward", rows, vocabulary, spread);
    size_t count = rows * vocabulary;
    double *lse = zeros(rows), *expected = zeros(count), *magnitude = zeros(count);
    float *logits = make_logits(rows, vocabulary, spread, lse), *given = rounded(lse, rows), *dy = random_floats(rows);
    int32_t *targets = integers(rows);
    for (size_t r = 0; r < rows; r++) {
        targets[r] = (int32_t)random_size(0, vocabulary);
        for (size_t i = r * vocabulary; i < (r + 1) * vocabulary; i++) {
            double hit = i == r * vocabulary + (size_t)targets[r];
            expected[i] = dy[r] * (hit - exp((double)logits[i] - given[r]));
            magnitude[i] = fabs(dy[r]);
        }
    }
    swage_logprob_backward(logits, given, targets, dy, rows, vocabulary);
    expect_close("logits", logits, expected, magnitude, count, bound);
}

static void entropy(size_t rows, size_t vocabulary, float spread) {
    begin("swage_entropy", rows, vocabulary, spread);
    double *lse = zeros(rows), *expected = zeros(rows), *magnitude = zeros(rows);
    float *logits = make_logits(rows, vocabulary, spread, lse), *given = rounded(lse, rows), *found = unwritten(rows);
    for (size_t i = 0; i < rows * vocabulary; i++) {
        double own = (double)logits[i] - given[i / vocabulary];
        expected[i / vocabulary] -= exp(own) * own, magnitude[i / vocabulary] += exp(own) * (fabs(own) + 1);
    }
    swage_entropy(logits, given, found, rows, vocabulary);
    expect_close("entropy", found, expected, magnitude, rows, bound);
}

static void entropy_backward(size_t rows, size_t vocabulary, float spread) {
    begin("swage_entropy_backward", rows, vocabulary, spread);
    size_t count = rows * vocabulary;
    double *lse = zeros(rows), *own = zeros(rows);
    float *logits = make_logits(rows, vocabulary, spread, lse), *given = rounded(lse, rows);
    for (size_t i = 0; i < count; i++) {
        double own_log = (double)logits[i] - given[i / vocabulary];
        own[i / vocabulary] -= exp(own_log) * own_log;
    }
    float *entropies = rounded(own, rows), *dentropy = random_floats(rows), *dlogits = random_floats(count);
    double *expected = doubles(dlogits, count), *magnitude = zeros(count);
    for (size_t i = 0; i < count; i++) {
        size_t r = i / vocabulary;
        double log = (double)logits[i] - given[r];
        expected[i] -= dentropy[r] * exp(log) * (log + entropies[r]);
        // The kernel's smallest exponential is not 0.
        magnitude[i] = fabs(dlogits[i]) + fabs(dentropy[r]) * (exp(log) * (fabs(log) + entropies[r] + 1) + 1e-30);
    }
    swage_entropy_backward(logits, given, entropies, dentropy, dlogits, rows, vocabulary);
    expect_close("dlogits", dlogits, expected, magnitude, count, bound);
}

void test_log_probabilities(void) {
    const float spreads[] = {1, 30};
    log_sum_exp_of_nan();
    for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; r++)
        for (size_t i = 0; i < size_count; i++)
            for (size_t s = 0; s < sizeof spreads / sizeof *spreads; s++) {
                log_sum_exp(row_counts[r], sizes[i], spreads[s]);
                logprob_backward(row_counts[r], sizes[i], spreads[s]);
                entropy(row_counts[r], sizes[i], spreads[s]);
                entropy_backward(row_counts[r], sizes[i], spreads[s]);
            }
}
