#include "swage_kernels.h"

#include <math.h>

#include "check.h"
#include "tests.h"

static const double bound = 1e-5;

typedef struct {
    size_t rows, columns, stride;
    float scale;
    int32_t *first, *last;
    /// What lies outside of first..<last is NaN: nothing may depend on it.
    float *scores;
    double *probabilities, *lse;
} inputs;

/// Causal rows that see the last `window` columns; the first sees none at all.
static inputs make_inputs(size_t columns, size_t window, float scale) {
    inputs in = {.rows = columns + 1, .columns = columns, .stride = 2, .scale = scale};
    in.first = integers(in.rows), in.last = integers(in.rows);
    in.scores = unwritten(in.rows * columns);
    in.probabilities = zeros(in.rows * columns), in.lse = zeros(in.rows);
    float *numbers = random_floats(in.rows * columns);
    for (size_t r = 0; r < in.rows; r++) {
        in.first[r] = (int32_t)(r > window ? r - window : 0), in.last[r] = (int32_t)r;
        double top = -INFINITY, sum = 0;
        for (size_t i = (size_t)in.first[r]; i < r; i++) {
            in.scores[r * columns + i] = numbers[r * columns + i];
            top = fmax(top, (double)numbers[r * columns + i] * scale);
        }
        for (size_t i = (size_t)in.first[r]; i < r; i++) sum += exp((double)numbers[r * columns + i] * scale - top);
        in.lse[r] = top + log(sum);
        for (size_t i = (size_t)in.first[r]; i < r; i++)
            in.probabilities[r * columns + i] = exp((double)numbers[r * columns + i] * scale - in.lse[r]);
    }
    return in;
}

static void softmax_forward(size_t columns, size_t window, float scale) {
    begin_case("swage_softmax_forward", "columns %zu, window %zu, scale %g", columns, window, (double)scale);
    inputs in = make_inputs(columns, window, scale);
    float *lse = unwritten(in.rows * in.stride);
    double *expected = doubles(lse, in.rows * in.stride);
    for (size_t r = 0; r < in.rows; r++) expected[r * in.stride] = in.lse[r];
    swage_softmax_forward(in.scores, in.rows, columns, in.first, in.last, scale, lse, in.stride);
    expect_close("scores", in.scores, in.probabilities, NULL, in.rows * columns, bound);
    double *one = zeros(in.rows * in.stride);
    for (size_t i = 0; i < in.rows * in.stride; i++) one[i] = fmax(1, fabs(expected[i]));
    expect_close("lse", lse, expected, one, in.rows * in.stride, bound);
}

static void softmax_backward(size_t columns, size_t window, float scale) {
    begin_case("swage_softmax_backward", "columns %zu, window %zu, scale %g", columns, window, (double)scale);
    inputs in = make_inputs(columns, window, scale);
    size_t count = in.rows * columns;
    float *dprobabilities = random_floats(count);
    float *lse = unwritten(in.rows * in.stride), *delta = unwritten(in.rows * in.stride);
    double *gradient = zeros(count), *magnitude = zeros(count);
    for (size_t r = 0; r < in.rows; r++) {
        double sum = 0;
        for (size_t c = 0; c < columns; c++) sum += in.probabilities[r * columns + c] * dprobabilities[r * columns + c];
        lse[r * in.stride] = (float)in.lse[r], delta[r * in.stride] = (float)sum;
        for (size_t c = 0; c < columns; c++) {
            size_t i = r * columns + c;
            gradient[i] = in.probabilities[i] * (dprobabilities[i] - sum) * scale;
            magnitude[i] = in.probabilities[i] * (fabs(dprobabilities[i]) + fabs(sum)) * scale;
        }
        for (size_t c = 0; c < columns; c++)
            if (c < (size_t)in.first[r] || c >= (size_t)in.last[r]) dprobabilities[r * columns + c] = NAN;
    }
    swage_softmax_backward(in.scores, dprobabilities, in.rows, columns, in.first, in.last, scale, lse, delta,
                           in.stride);
    expect_close("scores", in.scores, in.probabilities, NULL, count, bound);
    expect_close("dprobabilities", dprobabilities, gradient, magnitude, count, bound);
}

void test_attention(void) {
    const size_t windows[] = {1, 5, 200};
    for (size_t i = 0; i < size_count; i++)
        for (size_t w = 0; w < sizeof windows / sizeof *windows; w++) {
            // The second makes sharp peaks, next to which most probabilities are nearly 0.
            softmax_forward(sizes[i], windows[w], 0.5f);
            softmax_forward(sizes[i], windows[w], 20);
            softmax_backward(sizes[i], windows[w], 0.5f);
            softmax_backward(sizes[i], windows[w], 20);
        }
}
