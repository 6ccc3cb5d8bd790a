#include "endpoint/content.h"

#include "base/text.h"
#include "net/gzip.h"

namespace latchkey {

std::string content_encoding(const Headers& headers) {
    std::string all;
    for (const auto& line : headers) {
        if (!ascii_iequal(line.name, "Content-Encoding")) continue;
        if (!all.empty()) all += ", ";
        all += line.value;
    }
    return printable(all, 64);
}

Result<Secret> decoded(std::string_view encoding, std::string_view body) {
    const auto coding = ascii_lower(encoding);
    if (coding.empty() || coding == "identity") return Secret{body};
    // RFC 9110 section 8.4.1.3 gives gzip a second, older name.
    if (coding == "gzip" || coding == "x-gzip") {
        auto plain = gunzip(body, answer_limit);
        if (plain) return Secret::take(std::move(*plain));
    }
    return Error{Fault::bad_input, "content_coding",
                 "The answer is packed in a way that was not asked for, or is damaged. Look for a "
                 "proxy on the way to Salesforce."};
}

}  // namespace latchkey
