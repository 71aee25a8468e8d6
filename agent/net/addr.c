/* IP addresses and ports as text and back.  Names no loop, so the simulator links it, too.
 *
 * Layer:  net
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/transport.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>

#define V4_SIZE 4u
#define V6_SIZE 16u

/* ---- properties ----------------------------------------------------------------------------- */

static size_t ip_size(const net_addr *addr) {
    return addr->family == 4 ? V4_SIZE : V6_SIZE;
}

bool net_addr_equal(const net_addr *a, const net_addr *b) {
    if (a->family != b->family || a->port != b->port || a->scope != b->scope)
        return false;
    return a->family == 0 ||
           wr_equal(wr_slice_of(a->ip, ip_size(a)), wr_slice_of(b->ip, ip_size(b)));
}

bool net_addr_is_loopback(const net_addr *addr) {
    static const uint8_t v6_loopback[V6_SIZE] = {[15] = 1};
    if (addr->family == 4)
        return addr->ip[0] == 127;
    return addr->family == 6 &&
           wr_equal(wr_slice_of(addr->ip, V6_SIZE), wr_slice_of(v6_loopback, V6_SIZE));
}

bool net_addr_is_link_local(const net_addr *addr) {
    if (addr->family == 4)
        return addr->ip[0] == 169 && addr->ip[1] == 254;
    return addr->family == 6 && addr->ip[0] == 0xfe && (addr->ip[1] & 0xc0) == 0x80;
}

/* ---- formatting ---- */

static void format_scope(uint32_t scope, char out[IF_NAMESIZE + 1]) {
    char name[IF_NAMESIZE];
    out[0] = '\0';
    if (scope == 0)
        return;
    if (if_indextoname(scope, name) != NULL)
        (void)snprintf(out, IF_NAMESIZE + 1, "%%%s", name);
    else
        (void)snprintf(out, IF_NAMESIZE + 1, "%%%u", (unsigned)scope);
}

void net_addr_format(const net_addr *addr, char out[NET_ADDR_TEXT_MAX]) {
    if (addr->family == 4) {
        (void)snprintf(out, NET_ADDR_TEXT_MAX, "%u.%u.%u.%u:%u", addr->ip[0], addr->ip[1],
                       addr->ip[2], addr->ip[3], addr->port);
        return;
    }
    if (addr->family != 6) {
        (void)snprintf(out, NET_ADDR_TEXT_MAX, "none");
        return;
    }
    /* The longest text of 16 bytes has 39 characters, INET6_ADDRSTRLEN allows for a v4 part. */
    char ip[INET6_ADDRSTRLEN], scope[IF_NAMESIZE + 1];
    const char *text = inet_ntop(AF_INET6, addr->ip, ip, sizeof ip);
    WR_ASSERT(text != NULL);
    format_scope(addr->scope, scope);
    (void)snprintf(out, NET_ADDR_TEXT_MAX, "[%.39s%.16s]:%u", ip, scope, addr->port);
}

/* ---- parsing ---- */

static wr_err parse_number(wr_slice text, uint32_t max, uint32_t *ret_number) {
    uint64_t number = 0;
    if (text.len == 0 || text.len > 10)
        return WR_ERR_FORMAT;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return WR_ERR_FORMAT;
        number = number * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    if (number > max)
        return WR_ERR_FORMAT;
    *ret_number = (uint32_t)number;
    return WR_OK;
}

/* Splits at the last or first separator. */
static bool split(wr_slice text, uint8_t separator, bool at_last, wr_slice *ret_left,
                  wr_slice *ret_right) {
    size_t at = text.len;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != separator)
            continue;
        at = i;
        if (!at_last)
            break;
    }
    if (at == text.len)
        return false;
    *ret_left = wr_slice_of(text.ptr, at);
    *ret_right = wr_slice_of(text.ptr + at + 1, text.len - at - 1);
    return true;
}

/* A zero-ended copy; no address is longer. */
static wr_err as_text(wr_slice from, char *out, size_t size) {
    if (from.len >= size)
        return WR_ERR_FORMAT;
    memcpy(out, from.ptr, from.len);
    out[from.len] = '\0';
    /* A zero inside would hide what follows it. */
    return strlen(out) == from.len ? WR_OK : WR_ERR_FORMAT;
}

static wr_err parse_scope(wr_slice text, uint32_t *ret_scope) {
    char name[IF_NAMESIZE];
    WR_TRY(as_text(text, name, sizeof name));
    uint32_t scope = if_nametoindex(name);
    if (scope == 0)
        WR_TRY(parse_number(text, UINT32_MAX, &scope));
    if (scope == 0)
        return WR_ERR_FORMAT;
    *ret_scope = scope;
    return WR_OK;
}

/* ::ffff:a.b.c.d is a v4 address in disguise: one address has one form here. */
static void unmap_v4(net_addr *addr) {
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    if (!wr_equal(wr_slice_of(addr->ip, sizeof prefix), wr_slice_of(prefix, sizeof prefix)))
        return;
    uint8_t v4[V4_SIZE];
    memcpy(v4, addr->ip + sizeof prefix, sizeof v4);
    memset(addr->ip, 0, sizeof addr->ip);
    memcpy(addr->ip, v4, sizeof v4);
    addr->family = 4;
    addr->scope = 0;
}

static wr_err parse_v6(wr_slice host, net_addr *ret_addr) {
    char text[INET6_ADDRSTRLEN];
    wr_slice ip = host, scope;
    net_addr addr = {.family = 6};
    if (split(host, '%', false, &ip, &scope))
        WR_TRY(parse_scope(scope, &addr.scope));
    WR_TRY(as_text(ip, text, sizeof text));
    if (inet_pton(AF_INET6, text, addr.ip) != 1)
        return WR_ERR_FORMAT;
    if (addr.scope != 0 && !net_addr_is_link_local(&addr))
        return WR_ERR_FORMAT;
    unmap_v4(&addr);
    *ret_addr = addr;
    return WR_OK;
}

static wr_err parse_v4(wr_slice host, net_addr *ret_addr) {
    char text[INET_ADDRSTRLEN];
    net_addr addr = {.family = 4};
    WR_TRY(as_text(host, text, sizeof text));
    if (inet_pton(AF_INET, text, addr.ip) != 1)
        return WR_ERR_FORMAT;
    *ret_addr = addr;
    return WR_OK;
}

wr_err net_addr_parse(wr_slice text, net_addr *ret_addr) {
    wr_slice host, port_text;
    uint32_t port = 0;
    net_addr addr;
    if (!split(text, ':', true, &host, &port_text))
        return WR_ERR_FORMAT;
    WR_TRY(parse_number(port_text, UINT16_MAX, &port));
    bool bracketed = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (bracketed)
        WR_TRY(parse_v6(wr_slice_of(host.ptr + 1, host.len - 2), &addr));
    else
        WR_TRY(parse_v4(host, &addr));
    addr.port = (uint16_t)port;
    *ret_addr = addr;
    return WR_OK;
}
