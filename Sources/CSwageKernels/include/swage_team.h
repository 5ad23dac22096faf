#ifndef SWAGE_TEAM_H
#define SWAGE_TEAM_H

#include <stdint.h>

/// Threads that wait for work together: the one that calls, and count - 1 others, which sleep when there is none.
typedef struct swage_team swage_team;

/// Returns NULL if the system gives no more threads.
swage_team *swage_team_create(int count);

/// How many threads it has, the caller's among them.
int swage_team_count(const swage_team *team);

/// Ends the threads. No call of swage_team_run may be under way.
void swage_team_destroy(swage_team *team);

/// Calls work(context, part) for each part in 0..<parts, all of them at once, and returns when all have ended.
/// parts is at most the team's count. One caller at a time; work must not call it again.
void swage_team_run(swage_team *team, int parts, void (*work)(void *context, int part), void *context);

/// Within work that runs as `parts` parts: returns when all of them have come here.
void swage_team_meet(swage_team *team);

/// For how long callers of swage_team_run have waited for others to end their part, in nanoseconds.
uint64_t swage_team_waited(const swage_team *team);

#endif
