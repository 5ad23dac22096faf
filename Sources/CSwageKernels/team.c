#include "swage_team.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

// Kernels follow each other within microseconds, and waking a thread costs as much as many of them: a thread that has
// nothing to do looks for work this many times before it sleeps, some 50 microseconds.
enum { looks = 2000 };

typedef struct {
    swage_team *team;
    pthread_t thread;
    int part;
} member;

struct swage_team {
    int count;
    member *members;
    void (*work)(void *, int);
    void *context;
    int parts;
    bool ends;
    uint64_t waited;
    /// Goes up with every piece of work.
    atomic_uint generation;
    /// How many parts have come to a meeting since this work began.
    atomic_uint arrivals;
    /// How many members are still at work.
    atomic_int busy;
    pthread_mutex_t mutex;
    pthread_cond_t begun, finished;
};

static inline void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    // `yield` does nothing on most of these, and the looks would be over in a microsecond.
    __asm__ volatile("isb");
#endif
}

static uint64_t nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void await_generation_after(swage_team *team, unsigned seen) {
    for (int look = 0; look < looks; look++) {
        if (atomic_load_explicit(&team->generation, memory_order_acquire) != seen) return;
        pause_briefly();
    }
    pthread_mutex_lock(&team->mutex);
    while (atomic_load_explicit(&team->generation, memory_order_acquire) == seen)
        pthread_cond_wait(&team->begun, &team->mutex);
    pthread_mutex_unlock(&team->mutex);
}

static void await_members(swage_team *team) {
    for (int look = 0; look < looks; look++) {
        if (atomic_load_explicit(&team->busy, memory_order_acquire) == 0) return;
        pause_briefly();
    }
    pthread_mutex_lock(&team->mutex);
    while (atomic_load_explicit(&team->busy, memory_order_acquire) != 0)
        pthread_cond_wait(&team->finished, &team->mutex);
    pthread_mutex_unlock(&team->mutex);
}

/// Begins a generation of work; the mutex keeps a member from falling asleep between its last look and the signal.
static void begin(swage_team *team) {
    atomic_store_explicit(&team->busy, team->count - 1, memory_order_relaxed);
    pthread_mutex_lock(&team->mutex);
    atomic_fetch_add_explicit(&team->generation, 1, memory_order_release);
    pthread_cond_broadcast(&team->begun);
    pthread_mutex_unlock(&team->mutex);
}

static void *serve(void *argument) {
    member *self = argument;
    swage_team *team = self->team;
    for (unsigned seen = 0;; seen++) {
        await_generation_after(team, seen);
        if (team->ends) return NULL;
        if (self->part < team->parts) team->work(team->context, self->part);
        if (atomic_fetch_sub_explicit(&team->busy, 1, memory_order_acq_rel) == 1) {
            pthread_mutex_lock(&team->mutex);
            pthread_cond_signal(&team->finished);
            pthread_mutex_unlock(&team->mutex);
        }
    }
}

swage_team *swage_team_create(int count) {
    swage_team *team = calloc(1, sizeof *team);
    if (!team) return NULL;
    pthread_mutex_init(&team->mutex, NULL);
    pthread_cond_init(&team->begun, NULL);
    pthread_cond_init(&team->finished, NULL);
    team->members = calloc((size_t)count, sizeof *team->members);
    team->count = 1;
    for (int part = 1; team->members && part < count; part++) {
        member *next = &team->members[part];
        *next = (member){.team = team, .part = part};
        if (pthread_create(&next->thread, NULL, serve, next) != 0) break;
        team->count++;
    }
    if (team->count == count) return team;
    swage_team_destroy(team);
    return NULL;
}

int swage_team_count(const swage_team *team) { return team->count; }

void swage_team_destroy(swage_team *team) {
    team->ends = true;
    begin(team);
    for (int part = 1; part < team->count; part++) pthread_join(team->members[part].thread, NULL);
    pthread_mutex_destroy(&team->mutex);
    pthread_cond_destroy(&team->begun);
    pthread_cond_destroy(&team->finished);
    free(team->members);
    free(team);
}

void swage_team_run(swage_team *team, int parts, void (*work)(void *, int), void *context) {
    team->work = work;
    team->context = context;
    team->parts = parts;
    atomic_store_explicit(&team->arrivals, 0, memory_order_relaxed);
    begin(team);
    work(context, 0);
    uint64_t ended = nanoseconds();
    await_members(team);
    team->waited += nanoseconds() - ended;
}

void swage_team_meet(swage_team *team) {
    unsigned parts = (unsigned)team->parts;
    unsigned arrived = atomic_fetch_add_explicit(&team->arrivals, 1, memory_order_acq_rel) + 1;
    unsigned all = (arrived + parts - 1) / parts * parts;
    for (unsigned look = 0; atomic_load_explicit(&team->arrivals, memory_order_acquire) < all; look++)
        look < looks ? pause_briefly() : (void)sched_yield();
}

uint64_t swage_team_waited(const swage_team *team) { return team->waited; }
