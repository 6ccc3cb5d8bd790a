#include <cstring>
#include <string>

#include <doctest/doctest.h>

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/locked_key.h"
#include "crypto/sealing.h"

using namespace latchkey;

namespace {

std::string bytes_of(std::string_view digits) {
    std::string out;
    for (std::size_t i = 0; i < digits.size(); i += 2)
        out += static_cast<char>(std::stoi(std::string{digits.substr(i, 2)}, nullptr, 16));
    return out;
}

std::string count_up(int from, int to) {
    std::string out;
    for (int i = from; i <= to; ++i) out += static_cast<char>(i);
    return out;
}

/// Gives out the bytes of a published vector.
class VectorRandom final : public Random {
public:
    explicit VectorRandom(std::string bytes) : bytes_(std::move(bytes)) {}
    void fill(std::span<std::byte> out) override {
        REQUIRE(out.size() == bytes_.size());
        std::memcpy(out.data(), bytes_.data(), out.size());
    }

private:
    std::string bytes_;
};

struct XChaChaVector {
    LockedKey key{count_up(0x80, 0x9f)};
    std::string associated = bytes_of("50515253c0c1c2c3c4c5c6c7");
    std::string nonce = count_up(0x40, 0x57);
    std::string plain =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        "future, sunscreen would be it.";
    std::string sealed =
        nonce +
        bytes_of(
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a8"
            "2f"
            "4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc36948"
            "8f"
            "76b2383565d3fff921f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49");
};

}  // namespace

TEST_CASE("I21: sealing gives the published ciphertext of draft-irtf-cfrg-xchacha A.3.1") {
    const XChaChaVector vector;
    VectorRandom nonce{vector.nonce};
    CHECK(encrypt(vector.key, vector.associated, Secret{vector.plain}, nonce) == vector.sealed);

    const auto opened = decrypt(vector.key, vector.associated, vector.sealed);
    REQUIRE(opened.has_value());
    CHECK(opened->reveal() == vector.plain);
}

TEST_CASE("I21: no mutation of the published ciphertext, its data or its key opens") {
    const XChaChaVector vector;
    for (std::size_t bit = 0; bit < vector.sealed.size() * 8; ++bit) {
        std::string changed = vector.sealed;
        changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
        CHECK_FALSE(decrypt(vector.key, vector.associated, changed).has_value());
    }
    for (std::size_t size = 0; size < vector.sealed.size(); ++size)
        CHECK_FALSE(
            decrypt(vector.key, vector.associated, vector.sealed.substr(0, size)).has_value());
    CHECK_FALSE(decrypt(vector.key, vector.associated, vector.sealed + '\0').has_value());
    CHECK_FALSE(decrypt(vector.key, vector.associated + '\0', vector.sealed).has_value());
    CHECK_FALSE(
        decrypt(LockedKey{count_up(0x81, 0xa0)}, vector.associated, vector.sealed).has_value());
}

TEST_CASE("I21: HMAC-SHA256 gives the results of RFC 4231") {
    CHECK(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")) ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hex(hmac_sha256(std::string(131, '\xaa'),
                          "Test Using Larger Than Block-Size Key - Hash Key First")) ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("I21: SHA-256 gives the examples of FIPS 180") {
    CHECK(hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_CASE("I21: a derived key is the first block of RFC 5869 test case 1") {
    const LockedKey root{
        bytes_of("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")};
    CHECK(hex(root.derive(count_up(0xf0, 0xf9)).view()) ==
          "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}
