#include "facade/loopback_page.h"

#include <string>

#include "base/text.h"
#include "salesforce/hosts.h"

namespace latchkey {

Reply loopback_page(int status, std::string_view heading, std::string_view sentence) {
    const auto title = html_escape(heading);
    Reply reply;
    reply.status = status;
    reply.headers.add("Content-Type", "text/html; charset=utf-8");
    reply.headers.add("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    reply.headers.add("X-Content-Type-Options", "nosniff");
    reply.headers.add("Referrer-Policy", "no-referrer");
    reply.headers.add("Cache-Control", "no-store");
    reply.body = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + title +
                 "</title></head><body><h1>" + title + "</h1><p>" + html_escape(sentence) +
                 "</p></body></html>\n";
    reply.close = true;
    return reply;
}

LoopbackAsk what_is_asked(const ServedRequest& request, const LoopbackPlace& place) {
    const auto host = request.headers.find("Host").value_or("");
    if (!ascii_iequal(host, place.origin.authority()) || request.path != place.path) {
        return LoopbackAsk::other;
    }
    if (request.method == "GET") return LoopbackAsk::callback;
    const auto asks = request.headers.find("Access-Control-Request-Private-Network").value_or("");
    if (request.method == "OPTIONS" && asks == "true") return LoopbackAsk::preflight;
    return LoopbackAsk::other;
}

Reply preflight_reply(const ServedRequest& request, std::string_view login_origin) {
    const auto asker = request.headers.find("Origin").value_or("");
    const auto origin = Origin::parse(asker);
    const bool salesforce = origin && origin->tls && salesforce::is_salesforce_host(origin->host);
    if (!salesforce && (asker.empty() || asker != login_origin)) return Reply{403};
    Reply reply{204};
    reply.headers.add("Access-Control-Allow-Origin", std::string{asker});
    reply.headers.add("Access-Control-Allow-Methods", "GET");
    reply.headers.add("Access-Control-Allow-Private-Network", "true");
    reply.headers.add("Vary", "Origin");
    return reply;
}

}  // namespace latchkey
