/* The host's window: code, URI, tries, and the ADD it keeps.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/pairing_impl.h"

#include <stdlib.h>

/* Whether self can add a device at all: better said before a code is shown. */
static wr_err check_self(const wr_self *self) {
    const wr_graph *graph = wr_self_graph(self);
    if (wr_graph_is_empty(graph) || !wr_self_may_sign(self))
        return WR_ERR_STATE;
    const wr_member *me = wr_graph_find(graph, &wr_self_identity(self)->device_id);
    if (me == NULL || !wr_member_is_in(me) || me->role != WR_ROLE_ADMIN)
        return WR_ERR_REFUSED;
    if (wr_graph_has_opaque(graph))
        return WR_ERR_VERSION;
    if (wr_graph_current_count(graph) >= WR_MEMBERS_MAX ||
        wr_graph_member_count(graph) >= WR_AUTHORS_MAX)
        return WR_ERR_LIMIT;
    return WR_OK;
}

static wr_err draw(wr_pair_window *window, const wr_identity *me) {
    wr_pair_code_make(&window->rng, &window->code);
    window->code_rid = wr_pair_code_rid(&window->code);
    wr_buf code = wr_buf_of(window->code_text, sizeof window->code_text - 1);
    WR_TRY(wr_pair_code_text(&window->code, &code));

    wr_pair_uri *uri = &window->uri;
    wr_rng_fill(&window->rng, uri->rid.b, sizeof uri->rid.b);
    wr_rng_fill(&window->rng, uri->psk.b, sizeof uri->psk.b);
    uri->host = me->cert.noise;
    uri->addrs_len = window->config.addrs_len;
    memcpy(uri->addrs, window->config.addrs, uri->addrs_len);
    wr_buf text = wr_buf_of(window->uri_text, sizeof window->uri_text - 1);
    return wr_pair_uri_text(uri, &text);
}

wr_err wr_pair_window_new(const wr_self *self, const wr_pair_window_config *config, wr_now now,
                          wr_pair_window **ret_window) {
    WR_ASSERT(config->addrs_len <= sizeof config->addrs);
    WR_ASSERT(config->addrs_len % WR_HELLO_ADDR_SIZE == 0);
    WR_TRY(check_self(self));
    WR_AUTO(wr_pair_window) window = calloc(1, sizeof *window);
    if (window == NULL)
        return WR_ERR_NOMEM;
    window->rng = *wr_self_rng(self);
    window->config = *config;
    window->deadline =
        wr_mono_add(now.mono, config->timeout_ms != 0 ? config->timeout_ms : WR_PAIR_WINDOW_MS);
    WR_TRY(draw(window, wr_self_identity(self)));
    *ret_window = wr_steal(&window);
    return WR_OK;
}

void wr_pair_window_free(wr_pair_window *window) {
    if (window == NULL)
        return;
    wr_wipe(window, sizeof *window);
    free(window);
}

const char *wr_pair_window_code(const wr_pair_window *window) {
    return window->code_text;
}

const char *wr_pair_window_uri(const wr_pair_window *window) {
    return window->uri_text;
}

wr_rid wr_pair_window_rid(const wr_pair_window *window) {
    return window->code_rid;
}

wr_mono wr_pair_window_deadline(const wr_pair_window *window) {
    return window->deadline;
}

wr_pair_window_state wr_pair_window_look(const wr_pair_window *window, wr_mono now) {
    if (window->refused)
        return WR_PAIR_WINDOW_REFUSED;
    if (window->burnt)
        return WR_PAIR_WINDOW_BURNT;
    if (wr_mono_reached(window->deadline, now))
        return WR_PAIR_WINDOW_EXPIRED;
    if (window->done)
        return WR_PAIR_WINDOW_DONE;
    return window->add_made ? WR_PAIR_WINDOW_KEPT : WR_PAIR_WINDOW_OPEN;
}

wr_err wr_pair_window_may(const wr_pair_window *window, wr_mono now) {
    switch (wr_pair_window_look(window, now)) {
    case WR_PAIR_WINDOW_OPEN:
    case WR_PAIR_WINDOW_KEPT:
    case WR_PAIR_WINDOW_DONE:
        return WR_OK;
    case WR_PAIR_WINDOW_REFUSED:
    case WR_PAIR_WINDOW_BURNT:
        return WR_ERR_REFUSED;
    case WR_PAIR_WINDOW_EXPIRED:
        return WR_ERR_TIMEOUT;
    }
    WR_UNREACHABLE();
}

bool wr_pair_window_unsettled(const wr_pair_window *window) {
    return window->add_made && !window->settled;
}

void wr_pair_window_undo(wr_pair_window *window) {
    if (!wr_pair_window_unsettled(window) || window->add_stored)
        return;
    window->add_made = false; /* nobody can have it: as if it had not been made */
    window->add_len = 0;
}

wr_err wr_pair_window_settle(wr_pair_window *window, wr_self *self, wr_now now) {
    if (!wr_pair_window_unsettled(window))
        return WR_OK;
    wr_pair_window_undo(window);
    if (!window->add_made)
        return WR_OK;
    /* spec:pairing#6.2 "A host MUST admit a kept ADD that may have left before it authors any other
     * op." */
    WR_TRY(wr_self_admit(self, wr_slice_of(window->add, window->add_len), &window->add_sig, now));
    window->settled = true;
    return WR_OK;
}
