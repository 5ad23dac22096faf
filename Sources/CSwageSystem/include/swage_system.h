#ifndef SWAGE_SYSTEM_H
#define SWAGE_SYSTEM_H

/// Exchanges what two paths name, in one step. Returns 0, or -1 with errno set.
int swage_exchange(const char *a, const char *b);

#endif
