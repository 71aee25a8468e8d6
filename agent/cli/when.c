/* Times as people write them.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/when.h"

#include <string.h>
#include <time.h>

#define HOUR_MS 3600000ull
#define AGE_DIGITS_MAX 6u

uint64_t when_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* count digits at *text; moves it behind them. */
static bool take_digits(const char **text, unsigned count, int *ret_number) {
    int number = 0;
    for (; count > 0; count--, ++*text) {
        if (**text < '0' || **text > '9')
            return false;
        number = number * 10 + (**text - '0');
    }
    *ret_number = number;
    return true;
}

static bool take(const char **text, char wanted) {
    if (**text != wanted)
        return false;
    ++*text;
    return true;
}

static bool parse_age(const char *text, uint64_t now_ms, uint64_t *ret_ms) {
    size_t digits = strspn(text, "0123456789");
    int number = 0;
    if (digits == 0 || digits > AGE_DIGITS_MAX || !take_digits(&text, (unsigned)digits, &number))
        return false;
    bool days = strcmp(text, "d") == 0;
    uint64_t age_ms = (uint64_t)number * (days ? 24 : 1) * HOUR_MS;
    if ((!days && strcmp(text, "h") != 0) || age_ms == 0 || age_ms >= now_ms)
        return false;
    *ret_ms = now_ms - age_ms;
    return true;
}

static bool parse_date(const char *text, uint64_t *ret_ms) {
    struct tm parts = {.tm_isdst = -1};
    if (!take_digits(&text, 4, &parts.tm_year) || !take(&text, '-') ||
        !take_digits(&text, 2, &parts.tm_mon) || !take(&text, '-') ||
        !take_digits(&text, 2, &parts.tm_mday))
        return false;
    if (take(&text, 'T') && (!take_digits(&text, 2, &parts.tm_hour) || !take(&text, ':') ||
                             !take_digits(&text, 2, &parts.tm_min)))
        return false;
    if (*text || parts.tm_hour > 23 || parts.tm_min > 59)
        return false;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    struct tm asked = parts;
    time_t seconds = mktime(&parts);
    /* mktime takes the 31st of February for a day in March. */
    if (seconds < 0 || parts.tm_mon != asked.tm_mon || parts.tm_mday != asked.tm_mday)
        return false;
    *ret_ms = (uint64_t)seconds * 1000;
    return true;
}

bool when_parse(const char *text, uint64_t now_ms, uint64_t *ret_ms) {
    uint64_t ms = 0;
    if ((!parse_date(text, &ms) && !parse_age(text, now_ms, &ms)) || ms == 0 || ms >= now_ms)
        return false;
    *ret_ms = ms;
    return true;
}
