#ifndef TESTS_H
#define TESTS_H

// One for each file of tests; each takes random numbers, or only zeros.

void test_normalization(void);
void test_activations(void);
void test_sums(void);
void test_attention(void);
void test_families(void);
void test_log_probabilities(void);
void test_sampling(void);
void test_optimizer(void);
void test_block_products(void);
void test_weight_products(void);
void test_8bit_products(void);
void test_matrix_products(void);

// These have no random numbers.

void test_memory(void);
void test_team(void);
/// Paths of the library in library/: as it is, with scipy's prefix before its names, and told of threads as Accelerate
/// is.
void test_blas(const char *plain, const char *prefixed, const char *like_accelerate);

#endif
