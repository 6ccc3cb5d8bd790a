#include "salesforce/identity.h"

#include <algorithm>
#include <cstdlib>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "base/text.h"

namespace latchkey::salesforce {
namespace {

constexpr std::size_t url_limit = 2048;
constexpr std::size_t profile_limit = 1024 * 1024;
constexpr std::size_t name_limit = 256;

bool base62(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/// Three characters that tell, for each group of five, which are upper case: they make an id that
/// survives readers who do not mind case.
std::string suffix_of(std::string_view id15) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    std::string suffix;
    for (std::size_t group = 0; group < 3; ++group) {
        unsigned upper = 0;
        for (std::size_t i = 0; i < 5; ++i) {
            const char c = id15[group * 5 + i];
            if (c >= 'A' && c <= 'Z') upper |= 1u << i;
        }
        suffix += alphabet[upper];
    }
    return suffix;
}

Error invalid_url() {
    return {
        Fault::bad_input, "invalid_identity_url",
        "The identity URL does not end in /id/ORG/USER with valid ids. Check that the login URL "
        "is Salesforce's."};
}

Error invalid_answer() {
    return {
        Fault::bad_input, "invalid_identity_answer",
        "The identity service did not say which user of which org this is. Check that the login "
        "URL is Salesforce's."};
}

/// Takes the last segment off a path; nullopt if there is none.
std::optional<std::string_view> take_segment(std::string_view& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto segment = path.substr(slash + 1);
    path = path.substr(0, slash);
    return segment;
}

std::string text_of(const boost::json::object& from, std::string_view name) {
    const auto* member = from.if_contains(boost::json::string_view{name.data(), name.size()});
    if (member == nullptr || !member->is_string()) return {};
    const auto& text = member->get_string();
    // A name longer than any of Salesforce's is nothing to show.
    return text.size() <= name_limit ? std::string{text.data(), text.size()} : std::string{};
}

std::string first_of(const boost::json::object& from, std::string_view name,
                     std::string_view other) {
    auto text = text_of(from, name);
    return text.empty() ? text_of(from, other) : text;
}

}  // namespace

Result<std::string> id18(std::string_view id) {
    const Error invalid{Fault::bad_input, "invalid_id",
                        "This is not a Salesforce id of 15 characters, or of 18 with a right "
                        "checksum. Copy it again."};
    if ((id.size() != 15 && id.size() != 18) || !std::all_of(id.begin(), id.end(), base62)) {
        return invalid;
    }
    const auto core = id.substr(0, 15);
    const auto suffix = suffix_of(core);
    if (id.size() == 18 && id.substr(15) != suffix) return invalid;
    return std::string{core} + suffix;
}

Result<Identity> parse_identity_url(std::string_view url) {
    if (url.size() > url_limit) return invalid_url();
    if (!url.starts_with("https://") && !url.starts_with("http://")) return invalid_url();
    auto rest = url;
    const auto user = take_segment(rest);
    const auto org = take_segment(rest);
    const auto marker = take_segment(rest);
    // "https:" and "//" alone would leave no host in front of "/id/".
    if (!user || !org || !marker || *marker != "id" || rest.ends_with('/')) return invalid_url();
    if (!org->starts_with("00D") || !user->starts_with("005")) return invalid_url();
    auto org_id = id18(*org);
    auto user_id = id18(*user);
    if (!org_id || !user_id) return invalid_url();
    Identity identity;
    identity.org_id = std::move(*org_id);
    identity.user_id = std::move(*user_id);
    return identity;
}

bool signature_matches(const Secret& client_secret, std::string_view id, std::string_view issued_at,
                       std::string_view signature) {
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    if (algorithm == nullptr) std::abort();  // an OpenSSL without SHA-256 can check nothing
    const std::string signed_text = std::string{id} + std::string{issued_at};
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    const auto key = client_secret.reveal();
    if (HMAC(algorithm, key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), mac,
             &size) == nullptr) {
        return false;
    }
    const Secret ours{base64({reinterpret_cast<const char*>(mac), size})};
    return ours.same_as(Secret{signature});
}

Result<Profile> read_profile(std::string_view json) {
    if (json.size() > profile_limit) return invalid_answer();
    boost::json::error_code failed;
    const auto tree = boost::json::parse({json.data(), json.size()}, failed);
    const auto* object = failed ? nullptr : tree.if_object();
    if (object == nullptr) return invalid_answer();

    auto org_id = id18(text_of(*object, "organization_id"));
    auto user_id = id18(text_of(*object, "user_id"));
    if (!org_id || !user_id) return invalid_answer();
    if (!org_id->starts_with("00D") || !user_id->starts_with("005")) return invalid_answer();
    Profile profile;
    profile.org_id = std::move(*org_id);
    profile.user_id = std::move(*user_id);
    // The identity URL and userinfo name these two differently.
    profile.username = first_of(*object, "username", "preferred_username");
    profile.display_name = first_of(*object, "display_name", "name");
    return profile;
}

}  // namespace latchkey::salesforce
