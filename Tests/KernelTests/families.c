#include "swage_kernels.h"

#include <math.h>

#include "check.h"
#include "tests.h"

// The kernels of what some families of models have.

static const double bound = 4e-6;

static void layernorm_forward(size_t rows, size_t channels, bool adds) {
    begin_case("swage_layernorm_forward", "rows %zu, channels %zu, %s", rows, channels, adds ? "a residual" : "none");
    size_t count = rows * channels;
    float *x = random_floats(count), *residual = random_floats(count), *weight = random_floats(channels);
    float *bias = random_floats(channels), *y = unwritten(count), *rstd = unwritten(rows);
    double *sum = doubles(x, count), *expected = zeros(count), *scale = zeros(rows), *size = zeros(count);
    for (size_t r = 0; r < rows; r++) {
        double mean = 0, variance = 0;
        for (size_t c = 0; c < channels; c++) {
            size_t i = r * channels + c;
            if (adds) sum[i] = x[i] + residual[i];
            mean += sum[i] / (double)channels;
        }
        for (size_t c = 0; c < channels; c++) variance += pow(sum[r * channels + c] - mean, 2) / (double)channels;
        scale[r] = 1 / sqrt(variance + 1e-2);
        for (size_t c = 0; c < channels; c++) {
            size_t i = r * channels + c;
            expected[i] = (sum[i] - mean) * scale[r] * weight[c] + bias[c];
            size[i] = 4 * scale[r] + 4;
        }
    }
    swage_layernorm_forward(x, adds ? residual : NULL, weight, bias, y, rstd, rows, channels, 1e-2f);
    expect_close("x", x, sum, NULL, count, bound);
    expect_close("y", y, expected, size, count, bound);
    expect_close("rstd", rstd, scale, NULL, rows, bound);
}

static void layernorm_backward(size_t rows, size_t channels, bool overwrites) {
    begin_case("swage_layernorm_backward", "rows %zu, channels %zu, %s", rows, channels,
               overwrites ? "in place" : "added");
    size_t count = rows * channels;
    float *x = random_floats(count), *dy = random_floats(count), *weight = random_floats(channels);
    float *rstd = unwritten(rows), *dx = overwrites ? dy : random_floats(count);
    float *dweight = random_floats(channels), *dbias = random_floats(channels);
    double *expected = overwrites ? zeros(count) : doubles(dx, count), *weights = doubles(dweight, channels);
    double *biases = doubles(dbias, channels), *one = zeros(count), *summed = zeros(channels);
    for (size_t r = 0; r < rows; r++) {
        double mean = 0, variance = 0, level = 0, slope = 0;
        for (size_t c = 0; c < channels; c++) mean += x[r * channels + c] / (double)channels;
        for (size_t c = 0; c < channels; c++) variance += pow(x[r * channels + c] - mean, 2) / (double)channels;
        rstd[r] = (float)(1 / sqrt(variance + 1e-1));
        for (size_t c = 0; c < channels; c++) {
            double part = (double)dy[r * channels + c] * weight[c] / (double)channels;
            level += part;
            slope += part * (x[r * channels + c] - mean) * rstd[r];
        }
        for (size_t c = 0; c < channels; c++) {
            size_t i = r * channels + c;
            double normalized = (x[i] - mean) * rstd[r];
            weights[c] += dy[i] * normalized;
            biases[c] += dy[i];
            expected[i] += rstd[r] * ((double)dy[i] * weight[c] - level - normalized * slope);
            one[i] = 40, summed[c] = 20;
        }
    }
    swage_layernorm_backward(dy, x, weight, rstd, dx, dweight, dbias, rows, channels, overwrites);
    expect_close("dx", dx, expected, one, count, bound);
    expect_close("dweight", dweight, weights, summed, channels, bound);
    expect_close("dbias", dbias, biases, summed, channels, bound);
}

static void rope_neighbors(size_t rows, size_t half, size_t rest, float direction) {
    begin_case("swage_rope_neighbors", "rows %zu, half %zu, rest %zu, direction %g", rows, half, rest,
               (double)direction);
    enum { heads = 2 };
    size_t size = 2 * half + rest, count = rows * heads * size;
    float *x = random_floats(count), *cosines = random_floats(rows * half), *sines = random_floats(rows * half);
    int32_t *places = integers(rows);
    for (size_t r = 0; r < rows; r++) places[r] = (int32_t)r;
    double *turned = doubles(x, count), *magnitude = doubles(x, count);
    for (size_t r = 0; r < rows; r++)
        for (size_t h = 0; h < heads; h++)
            for (size_t i = 0; i < half; i++) {
                size_t a = (r * heads + h) * size + 2 * i, b = a + 1;
                double cosine = cosines[r * half + i], sine = (double)sines[r * half + i] * direction;
                turned[a] = x[a] * cosine - x[b] * sine;
                turned[b] = x[b] * cosine + x[a] * sine;
                magnitude[a] = magnitude[b] = 2 * (fabs(x[a]) + fabs(x[b]));
            }
    swage_rope_neighbors(x, cosines, sines, places, rows, heads, size, 2 * half, heads * size, direction);
    expect_close("x", x, turned, magnitude, count, bound);
}

static double gelu(double x) { return x / 2 * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }

static double gelu_slope(double x) {
    double t = tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
    return (1 + t) / 2 + x / 2 * (1 - t * t) * sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);
}

static void gelus(size_t count) {
    begin_case("swage_gelu_forward", "count %zu", count);
    float *x = random_floats(count), *y = unwritten(count);
    double *expected = zeros(count);
    for (size_t i = 0; i < count; i++) expected[i] = gelu(x[i]);
    swage_gelu_forward(x, y, count);
    expect_close("y", y, expected, NULL, count, bound);
    begin_case("swage_gelu_backward", "count %zu", count);
    float *dy = random_floats(count), *dx = unwritten(count);
    x = random_floats(count), y = unwritten(count), expected = zeros(count);
    double *gradient = zeros(count);
    for (size_t i = 0; i < count; i++) expected[i] = gelu(x[i]), gradient[i] = dy[i] * gelu_slope(x[i]);
    swage_gelu_backward(dy, x, dx, y, count);
    expect_close("y", y, expected, NULL, count, bound);
    expect_close("dx", dx, gradient, NULL, count, bound);
}

typedef struct {
    double y, dgate, dup;
} gated;

static gated geglu(double gate, double up, double dy) {
    return (gated){gelu(gate) * up, dy * up * gelu_slope(gate), dy * gelu(gate)};
}

static const float alpha = 1.7f, limit = 1.1f;

static gated clamped(double gate, double up, double dy) {
    double g = fmin(gate, limit), u = fmin(fmax(up, -limit), limit), sigmoid = 1 / (1 + exp(-alpha * g));
    double slope = sigmoid * (1 + alpha * g * (1 - sigmoid));
    return (gated){g * sigmoid * (u + 1), gate > limit ? 0 : dy * (u + 1) * slope,
                   fabs(up) > limit ? 0 : dy * g * sigmoid};
}

static void gates(size_t rows, size_t width, bool clamps, bool backward) {
    if (clamps)
        begin_case(backward ? "swage_clamped_swiglu_backward" : "swage_clamped_swiglu_forward", "rows %zu, width %zu",
                   rows, width);
    else
        begin_case(backward ? "swage_geglu_backward" : "swage_geglu_forward", "rows %zu, width %zu", rows, width);
    size_t count = rows * width;
    float *gate_up = random_floats(2 * count), *dy = random_floats(count);
    float *dgate_up = unwritten(2 * count), *y = unwritten(count);
    double *expected = zeros(count), *gradient = zeros(2 * count);
    for (size_t i = 0; i < count; i++) {
        size_t at = i / width * 2 * width + i % width;
        gated one = (clamps ? clamped : geglu)(gate_up[at], gate_up[at + width], dy[i]);
        expected[i] = one.y, gradient[at] = one.dgate, gradient[at + width] = one.dup;
    }
    if (backward) {
        if (clamps)
            swage_clamped_swiglu_backward(dy, gate_up, dgate_up, y, rows, width, alpha, limit);
        else
            swage_geglu_backward(dy, gate_up, dgate_up, y, rows, width);
        expect_close("dgate_up", dgate_up, gradient, NULL, 2 * count, bound);
    } else if (clamps) {
        swage_clamped_swiglu_forward(gate_up, y, rows, width, alpha, limit);
    } else {
        swage_geglu_forward(gate_up, y, rows, width);
    }
    expect_close("y", y, expected, NULL, count, bound);
}

static void soft_caps(size_t count, float scale, float cap) {
    begin_case("swage_soft_cap", "count %zu, scale %g, cap %g", count, (double)scale, (double)cap);
    float *x = random_floats(count);
    double *expected = zeros(count), *magnitude = zeros(count);
    for (size_t i = 0; i < count; i++) {
        expected[i] = cap * tanh((double)x[i] * scale / cap);
        magnitude[i] = fabs(expected[i]);
    }
    swage_soft_cap(x, count, scale, cap);
    expect_close("x", x, expected, magnitude, count, bound);
    begin_case("swage_soft_cap_backward", "count %zu, scale %g, cap %g", count, (double)scale, (double)cap);
    float *y = random_floats(count), *dy = random_floats(count);
    double *gradient = zeros(count);
    for (size_t i = 0; i < count; i++) {
        y[i] = y[i] / 2.5f * cap;
        gradient[i] = dy[i] * (1 - pow((double)y[i] / cap, 2)) * scale;
    }
    swage_soft_cap_backward(dy, y, count, scale, cap);
    expect_close("dy", dy, gradient, NULL, count, bound);
}

static void scaled(size_t count) {
    begin_case("swage_scale", "count %zu", count);
    float *x = random_floats(count);
    double *expected = doubles(x, count);
    for (size_t i = 0; i < count; i++) expected[i] *= 0.7f;
    swage_scale(x, count, 0.7f);
    expect_close("x", x, expected, NULL, count, bound);
    begin_case("swage_add_scaled", "count %zu", count);
    float *y = random_floats(count), *z = random_floats(count);
    expected = doubles(y, count);
    for (size_t i = 0; i < count; i++) expected[i] += z[i] * (double)0.7f;
    swage_add_scaled(y, z, count, 0.7f);
    expect_close("y", y, expected, NULL, count, bound);
}

/// One row whose first column is not seen.
static void softmaxes(size_t columns, float scale) {
    begin_case("swage_softmax_forward_sink", "columns %zu, scale %g", columns, (double)scale);
    int32_t *first = integers(1), *last = integers(1);
    first[0] = columns > 1, last[0] = (int32_t)columns;
    float *scores = random_floats(columns), *lse = unwritten(1), sink = 0.3f;
    double *p = zeros(columns), *sum = zeros(1), one = 8;
    sum[0] = exp(sink);
    for (size_t i = (size_t)first[0]; i < columns; i++) sum[0] += exp((double)scores[i] * scale);
    for (size_t i = (size_t)first[0]; i < columns; i++) p[i] = exp((double)scores[i] * scale) / sum[0];
    sum[0] = log(sum[0]);
    swage_softmax_forward_sink(scores, 1, columns, first, last, scale, sink, lse, 1);
    expect_close("scores", scores, p, NULL, columns, bound);
    expect_close("lse", lse, sum, &one, 1, bound);

    begin_case("swage_softmax_backward_capped", "columns %zu, scale %g", columns, (double)scale);
    first = integers(1), last = integers(1);
    first[0] = columns > 1, last[0] = (int32_t)columns;
    float cap = 1.5f, *dp = random_floats(columns), *delta = random_floats(1);
    scores = random_floats(columns), lse = random_floats(1);
    double *gradient = zeros(columns), *size = zeros(columns);
    p = zeros(columns);
    for (size_t i = (size_t)first[0]; i < columns; i++) {
        double t = tanh((double)scores[i] * scale / cap);
        p[i] = exp(cap * t - lse[0]);
        gradient[i] = p[i] * (dp[i] - (double)delta[0]) * (1 - t * t) * scale;
        size[i] = 40 * p[i];
    }
    swage_softmax_backward_capped(scores, dp, 1, columns, first, last, scale, cap, lse, delta, 1);
    expect_close("scores", scores, p, NULL, columns, bound);
    expect_close("dprobabilities", dp, gradient, size, columns, bound);
}

void test_families(void) {
    for (size_t i = 0; i < size_count; i++) {
        size_t size = sizes[i];
        for (size_t rows = 0; rows < 3; rows++) {
            for (int flag = 0; flag < 2; flag++) {
                if (size > 0) layernorm_forward(rows, size, flag), layernorm_backward(rows, size, flag);
                for (int backward = 0; backward < 2; backward++) gates(rows, size, flag, backward);
            }
            rope_neighbors(rows, size, rows, 1), rope_neighbors(rows, size, 2, -1);
        }
        gelus(size), scaled(size), soft_caps(size, 0.7f, 1.5f), soft_caps(size, 3, 30);
        if (size > 0) softmaxes(size, 0.7f), softmaxes(size, 2);
    }
}
