#include "crypto/key_ring.h"

#include <set>

#include <doctest/doctest.h>

#include "base/text.h"

using namespace latchkey;

namespace {

Secret some_key(char fill) {
    return Secret{std::string(32, fill)};
}

struct Ring {
    KeyRing keys;
    SystemRandom random;
    Binding place{"grants"};

    Ring() {
        REQUIRE(keys.add("0a1b2c3d", some_key('k')).has_value());
        place.add("refresh_token").add(std::int64_t{7});
    }
    Sealed seal(std::string_view text) { return keys.seal(place, Secret{text}, random).value(); }
};

std::string code_of(const Result<Secret>& result) {
    return result ? "opened" : result.error().code;
}

}  // namespace

TEST_CASE("a sealed value opens where it was bound and nowhere else") {
    Ring ring;
    const Sealed sealed = ring.seal("token");
    CHECK(ring.keys.open(ring.place, sealed)->reveal() == "token");

    Binding other{"grants"};
    other.add("refresh_token").add(std::int64_t{8});
    CHECK(code_of(ring.keys.open(other, sealed)) == "corrupt");
    CHECK(code_of(ring.keys.open(Binding{"grants"}, sealed)) == "corrupt");
}

TEST_CASE("an empty value can be sealed, and a long one comes back whole") {
    Ring ring;
    CHECK(ring.keys.open(ring.place, ring.seal(""))->empty());
    const std::string long_value(70'000, 'x');
    CHECK(ring.keys.open(ring.place, ring.seal(long_value))->reveal() == long_value);
}

TEST_CASE("I2: with any single bit changed, a sealed value is corrupt") {
    Ring ring;
    const Sealed sealed = ring.seal("00D000000000001!token");
    for (std::size_t bit = 0; bit < sealed.bytes.size() * 8; ++bit) {
        Sealed changed = sealed;
        changed.bytes[bit / 8] = static_cast<char>(changed.bytes[bit / 8] ^ (1 << bit % 8));
        CHECK(code_of(ring.keys.open(ring.place, changed)) == "corrupt");
    }
}

TEST_CASE("I2: a sealed value that was cut or lengthened is corrupt") {
    Ring ring;
    const Sealed sealed = ring.seal("token");
    for (std::size_t size = 0; size < sealed.bytes.size(); ++size)
        CHECK(code_of(ring.keys.open(ring.place, Sealed{sealed.bytes.substr(0, size)})) ==
              "corrupt");
    CHECK(code_of(ring.keys.open(ring.place, Sealed{sealed.bytes + '\0'})) == "corrupt");
}

TEST_CASE("a key that is added only opens until it is told to seal; the older ones still open") {
    Ring ring;
    const Sealed old = ring.seal("old");
    REQUIRE(ring.keys.add("ffffffff", some_key('n')).has_value());
    CHECK(ring.keys.sealing() == "0a1b2c3d");
    CHECK(ring.keys.seal_with("eeeeeeee").error().code == "key_unavailable");
    CHECK(ring.keys.has("ffffffff", some_key('n')));
    CHECK_FALSE(ring.keys.has("ffffffff", some_key('o')));
    CHECK_FALSE(ring.keys.has("eeeeeeee", some_key('n')));
    CHECK(ring.keys.size() == 2);
    REQUIRE(ring.keys.seal_with("ffffffff").has_value());
    CHECK(ring.keys.sealing() == "ffffffff");

    const Sealed young = ring.seal("new");
    CHECK(ring.keys.open(ring.place, old)->reveal() == "old");
    CHECK(ring.keys.open(ring.place, young)->reveal() == "new");

    KeyRing only_old;
    REQUIRE(only_old.add("0a1b2c3d", some_key('k')).has_value());
    CHECK(code_of(only_old.open(ring.place, young)) == "key_unavailable");
    CHECK(only_old.open(ring.place, young).error().fault == Fault::try_later);
}

TEST_CASE("two rings with one id but different keys cannot read each other") {
    Ring ring;
    KeyRing other;
    REQUIRE(other.add("0a1b2c3d", some_key('z')).has_value());
    CHECK(code_of(other.open(ring.place, ring.seal("token"))) == "corrupt");
}

TEST_CASE("an empty ring neither seals nor hashes") {
    const KeyRing none;
    SystemRandom random;
    CHECK(none.sealing().empty());
    CHECK_FALSE(none.has("0a1b2c3d"));
    CHECK(none.seal(Binding{"x"}, Secret{"y"}, random).error().code == "no_sealing_key");
    CHECK(none.keyed_hash("x", Secret{"y"}).error().code == "no_sealing_key");
}

TEST_CASE("a key of another size, a strange id and an id seen before are refused") {
    Ring ring;
    CHECK(ring.keys.add("11111111", Secret{"short"}).error().code == "invalid_key");
    CHECK(ring.keys.add("1111111", some_key('a')).error().code == "invalid_key");
    CHECK(ring.keys.add("1111111G", some_key('a')).error().code == "invalid_key");
    CHECK(ring.keys.add("1111111A", some_key('a')).error().code == "invalid_key");
    CHECK(ring.keys.add("0a1b2c3d", some_key('a')).error().code == "invalid_key");
    CHECK(ring.keys.sealing() == "0a1b2c3d");
}

TEST_CASE("a keyed hash repeats, and differs by purpose, value and key") {
    Ring ring;
    const auto hash = ring.keys.keyed_hash("api key", Secret{"value"}).value();
    CHECK(from_base64url(hash)->size() == 32);
    CHECK(ring.keys.keyed_hash("api key", Secret{"value"}).value() == hash);
    CHECK(ring.keys.keyed_hash("api keys", Secret{"value"}).value() != hash);
    CHECK(ring.keys.keyed_hash("api key", Secret{"valuf"}).value() != hash);
    KeyRing other;
    REQUIRE(other.add("0a1b2c3d", some_key('z')).has_value());
    CHECK(other.keyed_hash("api key", Secret{"value"}).value() != hash);
}

TEST_CASE("a keyed hash stays the same when a newer key is added") {
    Ring ring;
    const auto hash = ring.keys.keyed_hash("api key", Secret{"value"}).value();
    REQUIRE(ring.keys.add("ffffffff", some_key('n')).has_value());
    CHECK(ring.keys.keyed_hash("api key", Secret{"value"}).value() == hash);
}

TEST_CASE("I22: no two lists of fields make the same binding") {
    // Every way to cut "aabb" and "n..." like bytes into up to four fields, and numbers among them.
    const std::string text = "aabb";
    std::set<std::string> seen;
    std::size_t lists = 0;
    for (int cuts = 0; cuts < 8; ++cuts) {
        Binding binding{"p"};
        std::string field;
        for (std::size_t i = 0; i < text.size(); ++i) {
            field += text[i];
            if (i + 1 == text.size() || (cuts >> i & 1) != 0) {
                binding.add(field);
                field.clear();
            }
        }
        for (int empties = 0; empties < 3; ++empties) {
            ++lists;
            CHECK(seen.insert(binding.bytes()).second);
            binding.add("");
        }
    }
    CHECK(seen.size() == lists);

    CHECK(Binding{"p"}.add(std::int64_t{1}).bytes() !=
          Binding{"p"}.add(std::string_view{"\0\0\0\0\0\0\0\1", 8}).bytes());
    // A field whose bytes look like the encoding of another field.
    CHECK(Binding{"p"}.add(Binding{"q"}.bytes()).bytes() != Binding{"p"}.add("q").bytes());
    CHECK(Binding{"p"}.add(std::int64_t{-1}).bytes() != Binding{"p"}.add(std::int64_t{1}).bytes());
}

TEST_CASE("I8: a hundred thousand sealings of one value repeat no nonce") {
    Ring ring;
    std::set<std::string> nonces;
    const Secret value{"v"};
    for (int i = 0; i < 100'000; ++i) {
        const auto sealed = ring.keys.seal(ring.place, value, ring.random);
        nonces.insert(sealed->bytes.substr(9, 24));
    }
    CHECK(nonces.size() == 100'000);
}
