#include "swage_team.h"

#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#include "check.h"
#include "tests.h"

// The order of memory that a processor keeps is that of the machine below an emulator: one that is stricter than Arm's
// hides what is missing in the team's own.

enum { most = 7, rounds = 100 };

static void sleep_for(int milliseconds) {
    struct timespec time = {.tv_nsec = milliseconds * 1000000L};
    nanosleep(&time, NULL);
}

static void count_part(void *context, int part) { atomic_fetch_add((atomic_int *)context + part, 1); }

static void run(int count, int parts, int pause) {
    begin_case("swage_team_run", "threads %d, parts %d, pauses of %d ms", count, parts, pause);
    swage_team *team = swage_team_create(count);
    expect(team != NULL, "there is no team");
    if (!team) return;
    atomic_int done[most] = {0};
    int runs = pause > 0 ? 4 : rounds;
    for (int round = 0; round < runs; round++) {
        swage_team_run(team, parts, count_part, done);
        // Longer than threads look for work before they sleep.
        if (pause > 0) sleep_for(pause);
    }
    for (int part = 0; part < most; part++) {
        int wanted = part < parts ? runs : 0;
        expect(done[part] == wanted, "part %d ran %d times, not %d", part, done[part], wanted);
    }
    swage_team_destroy(team);
}

typedef struct {
    swage_team *team;
    int parts;
    int phase[most];
    atomic_int torn;
} meeting;

/// Between two meetings everyone sees what all others wrote before the first.
static void meet_often(void *context, int part) {
    meeting *place = context;
    for (int phase = 1; phase <= rounds; phase++) {
        place->phase[part] = phase;
        swage_team_meet(place->team);
        for (int other = 0; other < place->parts; other++)
            if (place->phase[other] != phase) place->torn++;
        swage_team_meet(place->team);
    }
}

static void meet(int count, int parts) {
    begin_case("swage_team_meet", "threads %d, parts %d", count, parts);
    meeting place = {.team = swage_team_create(count), .parts = parts};
    expect(place.team != NULL, "there is no team");
    if (!place.team) return;
    for (int run = 0; run < 3; run++) swage_team_run(place.team, parts, meet_often, &place);
    expect(place.torn == 0, "%d times another was behind", place.torn);
    swage_team_destroy(place.team);
}

static void late_part(void *context, int part) {
    (void)context;
    if (part == 1) sleep_for(200);
}

static void waited(void) {
    begin_case("swage_team_waited", "the other part takes 200 ms");
    swage_team *team = swage_team_create(2);
    expect(team && swage_team_waited(team) == 0, "a new team has waited");
    if (!team) return;
    swage_team_run(team, 2, late_part, NULL);
    uint64_t nanoseconds = swage_team_waited(team);
    expect(nanoseconds > 10000000, "%g ms", (double)nanoseconds / 1e6);
    swage_team_run(team, 2, late_part, NULL);
    expect(swage_team_waited(team) > nanoseconds + 10000000, "the second wait is not added");
    swage_team_destroy(team);
}

static void create(void) {
    const int counts[] = {1, 2, 3, most};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        begin_case("swage_team_create", "threads %d", counts[i]);
        swage_team *team = swage_team_create(counts[i]);
        expect(team != NULL, "there is none");
        if (!team) continue;
        begin_case("swage_team_count", "threads %d", counts[i]);
        expect(swage_team_count(team) == counts[i], "it has %d", swage_team_count(team));
        // With no work ever done, and with threads asleep.
        begin_case("swage_team_destroy", "threads %d", counts[i]);
        if (i % 2 == 1) sleep_for(20);
        swage_team_destroy(team);
    }
    for (int count = -1; count <= 0; count++) {
        begin_case("swage_team_create", "threads %d", count);
        expect(swage_team_create(count) == NULL, "there is one");
    }
}

void test_team(void) {
    create();
    for (int count = 1; count <= most; count += 2)
        for (int parts = 1; parts <= count; parts++) {
            run(count, parts, 0);
            meet(count, parts);
        }
    run(3, 3, 20);
    waited();
}
