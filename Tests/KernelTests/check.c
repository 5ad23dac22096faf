#include "check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const size_t sizes[] = {1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 129, 257};
const size_t size_count = sizeof sizes / sizeof *sizes;
bool only_zeros = false;

// The guard before an array takes it off the alignment that malloc gives.
enum { guard = 68, most_arrays = 64, most_kernels = 128 };
static const uint8_t nan_bytes[4] = {0xAD, 0xDE, 0xC0, 0x7F};

static struct {
    uint8_t *memory;
    size_t bytes;
    bool guarded;
} arrays[most_arrays];
static size_t array_count;

static const char *kernel_names[most_kernels];
static size_t kernel_count, case_count, failed_count;

static const char *kernel;
static char shape[256];
static bool failed;
static uint64_t state;

static void __attribute__((format(printf, 1, 2))) fail(const char *what, ...) {
    va_list arguments;
    va_start(arguments, what);
    printf("FAILED %s, %s: ", kernel, shape);
    vprintf(what, arguments);
    printf("\n");
    va_end(arguments);
    failed = true;
}

static void fill_guard(uint8_t *begin) {
    for (size_t i = 0; i < guard; i++) begin[i] = nan_bytes[i % 4];
}

static bool is_guard(const uint8_t *begin) {
    for (size_t i = 0; i < guard; i++)
        if (begin[i] != nan_bytes[i % 4]) return false;
    return true;
}

static void end_case(void) {
    if (!kernel) return;
    for (size_t i = 0; i < array_count; i++) {
        if (arrays[i].guarded && !is_guard(arrays[i].memory)) fail("array %zu was written before its begin", i);
        if (arrays[i].guarded && !is_guard(arrays[i].memory + guard + arrays[i].bytes))
            fail("array %zu was written behind its end", i);
        free(arrays[i].memory);
    }
    array_count = 0;
    if (failed) failed_count++;
}

static void count_kernel(void) {
    for (size_t i = 0; i < kernel_count; i++)
        if (strcmp(kernel_names[i], kernel) == 0) return;
    if (kernel_count == most_kernels) abort();
    kernel_names[kernel_count++] = kernel;
}

void begin_case(const char *name, const char *format, ...) {
    end_case();
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(shape, sizeof shape, format, arguments);
    va_end(arguments);
    if (only_zeros) strncat(shape, ", zeros", sizeof shape - strlen(shape) - 1);
    kernel = name;
    failed = false;
    case_count++;
    count_kernel();
    state = 0xCBF29CE484222325u;
    for (const char *text = kernel; *text; text++) state = (state ^ (uint8_t)*text) * 0x100000001B3u;
    for (const char *text = shape; *text; text++) state = (state ^ (uint8_t)*text) * 0x100000001B3u;
}

size_t finish_cases(void) {
    end_case();
    printf("%zu kernels, %zu cases, %zu failed\n", kernel_count, case_count, failed_count);
    return failed_count;
}

static uint8_t *reserve(size_t count, bool guarded) {
    size_t around = guarded ? 2 * guard : 0;
    uint8_t *memory = malloc(count + around + 1);
    if (!memory || array_count == most_arrays) abort();
    arrays[array_count].memory = memory;
    arrays[array_count].bytes = count;
    arrays[array_count++].guarded = guarded;
    return memory;
}

void *bytes(size_t count) {
    uint8_t *memory = reserve(count, true);
    fill_guard(memory);
    fill_guard(memory + guard + count);
    return memset(memory + guard, 0, count);
}

float *unwritten(size_t count) {
    float *x = bytes(count * sizeof *x);
    for (size_t i = 0; i < count; i++) x[i] = NAN;
    return x;
}

float *random_floats(size_t count) {
    float *x = bytes(count * sizeof *x);
    for (size_t i = 0; i < count && !only_zeros; i++) {
        uint64_t bits = random_bits();
        x[i] = bits % 16 == 0 ? 0 : (float)((double)(bits >> 11) * 0x1p-51 - 2);
    }
    return x;
}

float *copied(const float *x, size_t count) {
    float *copy = bytes(count * sizeof *x);
    return count > 0 ? memcpy(copy, x, count * sizeof *x) : copy;
}

int32_t *integers(size_t count) { return bytes(count * sizeof(int32_t)); }

double *doubles(const float *x, size_t count) {
    double *copy = zeros(count);
    for (size_t i = 0; i < count; i++) copy[i] = x[i];
    return copy;
}

double *zeros(size_t count) { return memset(reserve(count * sizeof(double), false), 0, count * sizeof(double)); }

// SplitMix64 (Steele, Lea and Flood, 2014).
uint64_t random_bits(void) {
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

size_t random_size(size_t low, size_t end) { return low + (size_t)(random_bits() % (end - low)); }

void expect_close(const char *what, const float *found, const double *expected, const double *magnitude, size_t count,
                  double bound) {
    double largest = 0, worst = 0;
    size_t place = 0;
    for (size_t i = 0; i < count; i++) largest = fabs(expected[i]) > largest ? fabs(expected[i]) : largest;
    for (size_t i = 0; i < count; i++) {
        if ((isnan(found[i]) && isnan(expected[i])) || (double)found[i] == expected[i]) continue;
        double difference = fabs((double)found[i] - expected[i]) / fmax(magnitude ? magnitude[i] : largest, 1e-37);
        if (isnan(difference)) difference = INFINITY;
        if (difference > worst) worst = difference, place = i;
    }
    if (worst > bound)
        fail("%s[%zu] is %.9g, not %.9g: a relative difference of %.3g", what, place, (double)found[place],
             expected[place], worst);
}

void expect(bool holds, const char *what, ...) {
    if (holds) return;
    char text[256];
    va_list arguments;
    va_start(arguments, what);
    vsnprintf(text, sizeof text, what, arguments);
    va_end(arguments);
    fail("%s", text);
}
