#include "swage_kernels.h"

#include <math.h>

#include "check.h"
#include "tests.h"

static const double bound = 2e-6;
static const size_t row_counts[] = {0, 1, 3};

static void rope(size_t rows, size_t heads, size_t half, size_t gap, float direction) {
    begin_case("swage_rope", "rows %zu, heads %zu, half a head %zu, gap %zu, direction %g", rows, heads, half, gap,
               (double)direction);
    enum { positions = 5 };
    size_t stride = heads * 2 * half + gap, count = rows * stride;
    float *x = random_floats(count), *angles = random_floats(positions * half);
    float *cosines = unwritten(positions * half), *sines = unwritten(positions * half);
    for (size_t i = 0; i < positions * half; i++) cosines[i] = cosf(angles[i]), sines[i] = sinf(angles[i]);
    int32_t *places = integers(rows);
    for (size_t r = 0; r < rows; r++) places[r] = (int32_t)random_size(0, positions);
    double *turned = doubles(x, count), *magnitude = doubles(x, count);
    for (size_t r = 0; r < rows; r++)
        for (size_t h = 0; h < heads; h++)
            for (size_t i = 0; i < half; i++) {
                size_t low = r * stride + h * 2 * half + i, high = low + half;
                double cosine = cosines[(size_t)places[r] * half + i];
                double sine = (double)sines[(size_t)places[r] * half + i] * direction;
                turned[low] = x[low] * cosine - x[high] * sine;
                turned[high] = x[high] * cosine + x[low] * sine;
                magnitude[low] = magnitude[high] = fabs(x[low]) + fabs(x[high]);
            }
    swage_rope(x, cosines, sines, places, rows, heads, 2 * half, 2 * half, stride, direction);
    expect_close("x", x, turned, magnitude, count, bound);
}

static double logistic(double x) { return 1 / (1 + exp(-x)); }

static void swiglu_forward(size_t rows, size_t width) {
    begin_case("swage_swiglu_forward", "rows %zu, width %zu", rows, width);
    float *gate_up = random_floats(rows * 2 * width), *y = unwritten(rows * width);
    double *expected = zeros(rows * width);
    for (size_t i = 0; i < rows * width; i++) {
        double gate = gate_up[i / width * 2 * width + i % width];
        expected[i] = gate * logistic(gate) * gate_up[i / width * 2 * width + width + i % width];
    }
    swage_swiglu_forward(gate_up, y, rows, width);
    expect_close("y", y, expected, NULL, rows * width, bound);
}

static void swiglu_backward(size_t rows, size_t width) {
    begin_case("swage_swiglu_backward", "rows %zu, width %zu", rows, width);
    size_t count = rows * width;
    float *gate_up = random_floats(2 * count), *dy = random_floats(count);
    float *dgate_up = unwritten(2 * count), *y = unwritten(count);
    double *expected = zeros(count), *gradient = zeros(2 * count);
    for (size_t i = 0; i < count; i++) {
        size_t at = i / width * 2 * width + i % width;
        double gate = gate_up[at], up = gate_up[at + width], sigmoid = logistic(gate);
        expected[i] = gate * sigmoid * up;
        gradient[at] = dy[i] * up * sigmoid * (1 + gate * (1 - sigmoid));
        gradient[at + width] = dy[i] * gate * sigmoid;
    }
    swage_swiglu_backward(dy, gate_up, dgate_up, y, rows, width);
    expect_close("y", y, expected, NULL, count, bound);
    expect_close("dgate_up", dgate_up, gradient, NULL, 2 * count, bound);
}

/// silu(x) is x times the logistic function, which the exponential is all of: each number against its own size.
static void range_of_exponentials(void) {
    begin_case("swage_swiglu_forward", "gates from -80 to 80");
    enum { count = 433 };
    float *gate_up = unwritten(2 * count), *y = unwritten(count);
    double *expected = zeros(count), *magnitude = zeros(count);
    for (size_t i = 0; i < count; i++) {
        gate_up[i] = -80 + 0.37f * (float)i;
        gate_up[count + i] = 1;
        expected[i] = gate_up[i] * logistic(gate_up[i]);
        magnitude[i] = fabs(expected[i]);
    }
    swage_swiglu_forward(gate_up, y, 1, count);
    expect_close("y", y, expected, magnitude, count, 1e-6);
}

void test_activations(void) {
    range_of_exponentials();
    for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; r++)
        for (size_t i = 0; i < size_count; i++) {
            size_t rows = row_counts[r];
            swiglu_forward(rows, sizes[i]);
            swiglu_backward(rows, sizes[i]);
            for (size_t gap = 0; gap <= 3; gap += 3) {
                rope(rows, 2, sizes[i], gap, 1);
                rope(rows, 1, sizes[i], gap, -1);
            }
        }
}
