/* What devices have to say (core/diag.h), as lines of the trace.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/diag.h"

#include "sim/loop_sim.h"

#include <inttypes.h>
#include <stdio.h>

static const char *event_name(diag_event event) {
    switch (event) {
#define DIAG_EVENT_CASE(name, text)                                                                \
    case DIAG_EV_##name:                                                                           \
        return text;
        DIAG_EVENT_MAP(DIAG_EVENT_CASE)
#undef DIAG_EVENT_CASE
    }
    WR_UNREACHABLE();
}

static int add_field(char *out, size_t room, const diag_field *field) {
    switch (field->kind) {
    case DIAG_FIELD_TEXT:
        return snprintf(out, room, " %s=\"%.64s\"", field->key, field->text);
    case DIAG_FIELD_BYTES:
        return snprintf(out, room, " %s=(%zu bytes)", field->key, field->bytes.len);
    case DIAG_FIELD_NUMBER:
        return snprintf(out, room, " %s=%" PRIu64, field->key, field->number);
    }
    WR_UNREACHABLE();
}

void diag_write(diag_level level, diag_event event, const diag_field *fields) {
    const loop *l = loop_sim_running();
    char text[TRACE_LINE_MAX];
    size_t len = (size_t)snprintf(text, sizeof text, "%s", event_name(event));
    for (const diag_field *f = fields; f->key != NULL; f++) {
        int added = add_field(text + len, sizeof text - len, f);
        if (added < 0 || (size_t)added >= sizeof text - len)
            break;
        len += (size_t)added;
    }
    if (l != NULL)
        trace_note(sim_clock_trace(loop_sim_clock(l)), sim_clock_now(loop_sim_clock(l)),
                   loop_sim_device(l), "%s%s", level == DIAG_ERROR ? "ERROR " : "", text);
}
