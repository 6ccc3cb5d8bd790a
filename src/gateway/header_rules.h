#pragma once

#include <span>
#include <string>
#include <string_view>

#include <latchkey/error.h>
#include <latchkey/secret.h>

#include "base/origin.h"
#include "net/head_lines.h"
#include "net/http.h"

namespace latchkey {

/// The lines that go up to Salesforce: the caller's, without credentials, cookies, forwarding and
/// hop-by-hop lines, without names that hold '_' (some servers read it as '-'), without what the
/// caller's Connection lines name, and with exactly one Authorization, ours. Nothing else is added;
/// Content-Encoding, Accept-Encoding and Sforce-* lines pass as they are.
/// errors  bad_input  invalid_header: a name that is no token, a value with a control byte
Result<Headers> headers_up(const Headers& callers, const Secret& access_token);

/// The lines that go down to the caller: Salesforce's, without hop-by-hop lines, cookies and what
/// would bind the caller's browser to Salesforce's policies. A Location passes only where it stays
/// on `instance`. Lines named Latchkey-* are ours to write, so none comes from there.
Headers headers_down(const Headers& theirs, const Origin& instance);

// The same rules for heads that were read and not taken apart: lines that stay are appended as they
// are, neighbours with one copy. What they hold was checked when they were read.

/// The caller's lines that go up. Host, Authorization and framing are not among them.
void append_lines_up(std::span<const HeadLine> callers, std::string& out);
/// Salesforce's lines that come down; framing is not among them, nor are the lines that
/// `append_relay_marks` writes.
void append_lines_down(std::span<const HeadLine> theirs, const Origin& instance, std::string& out);
/// What every relayed answer carries: whose it is, and that a browser must not run it here.
void append_relay_marks(std::string& out);

}  // namespace latchkey
