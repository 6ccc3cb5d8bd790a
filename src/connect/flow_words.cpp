#include "connect/flow_words.h"

#include <utility>

#include "base/text.h"

namespace latchkey::connect {
namespace {

constexpr std::size_t key_bytes = 32;

Error corrupt_luggage() {
    return {Fault::internal, "corrupt",
            "What the connect session kept for its login cannot be read. Open a new one."};
}

/// The host that answers for everybody before it is known whose org it is.
bool common_entrance(const Origin& origin) {
    return origin.host == "login.salesforce.com" || origin.host == "test.salesforce.com";
}

}  // namespace

Secret fresh_key(Random& random) {
    return Secret::take(random_text(random, key_bytes));
}

std::string hash_of(const Secret& key) {
    return oauth::state_hash(key);
}

bool fits(const Secret& key, const std::string& stored_hash) {
    return !stored_hash.empty() && Secret{hash_of(key)}.same_as(Secret{stored_hash});
}

std::string cookie_name(const FlowId& flow) {
    const auto prefix = flow.text.find('_');
    const auto start = prefix == std::string::npos ? 0 : prefix + 1;
    return "lk-" + flow.text.substr(start, 8);
}

bool too_late(const FlowRow& flow, WallTime now) {
    return now >= flow.created_at + flow_lifetime;
}

Secret Luggage::pack() const {
    FormFields fields = {{"verifier", std::string{verifier.reveal()}}, {"login_hint", login_hint}};
    for (const auto& word : prompt) fields.emplace_back("prompt", word);
    Secret packed = Secret::take(print_form(fields));
    wipe(fields.front().second);
    return packed;
}

Result<Luggage> Luggage::unpack(const Secret& packed) {
    auto fields = parse_form(packed.reveal());
    if (!fields) return corrupt_luggage();
    Luggage luggage;
    for (auto& [name, value] : *fields) {
        if (name == "verifier") luggage.verifier = Secret::take(std::move(value));
        if (name == "login_hint") luggage.login_hint = value;
        if (name == "prompt") luggage.prompt.push_back(value);
    }
    if (luggage.verifier.empty()) return corrupt_luggage();
    return luggage;
}

Result<salesforce::LoginBase> login_of(const Provider& provider, std::string_view login_url) {
    if (provider.login_url) {
        auto own = salesforce::check_login(*provider.login_url, true);
        if (own.has_value() && own->url() == login_url) return own;
    }
    return salesforce::check_login(login_url, false);
}

oauth::AwaitedCallback awaited_callback(const FlowRow& flow, const Provider& provider,
                                        const salesforce::LoginBase& login,
                                        const oauth::CallbackQuery& query) {
    oauth::AwaitedCallback awaited;
    awaited.state_hash = flow.state_hash;
    awaited.provider = flow.provider.text;
    awaited.redirect_uri = provider.redirect_uri;
    if (query.issuer) {
        const bool theirs = common_entrance(login.origin) &&
                            salesforce::check_instance(*query.issuer, login).has_value();
        awaited.issuer = theirs ? *query.issuer : login.url();
    }
    return awaited;
}

}  // namespace latchkey::connect
