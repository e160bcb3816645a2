#include "io/sftp.h"

#include <fstream>

#include "base/rng.h"
#include "io/detail/sshd_test.h"
#include "io/loop.h"
#include "io/sim.h"

namespace gongshu::io {
namespace {

TEST(SftpAddress, IsReadAndWritten) {
    const auto f = [](const char* url, const char* user, const char* host, int port, const char* path,
                      const char* again = nullptr) {
        const auto address = parse_sftp_address(url);
        ASSERT_TRUE(address) << url << ": " << address.error().text();
        EXPECT_EQ(address->user, user);
        EXPECT_EQ(address->host, host);
        EXPECT_EQ(address->port, port) << url;
        EXPECT_EQ(address->path, path);
        EXPECT_EQ(to_string(*address), again ? again : url);
    };
    f("sftp://bob@nas/srv/b", "bob", "nas", 22, "/srv/b");
    f("sftp://bob@nas:22/srv/b//", "bob", "nas", 22, "/srv/b", "sftp://bob@nas/srv/b");
    f("sftp://bob@10.0.0.5:2222/~/b/c", "bob", "10.0.0.5", 2222, "b/c");
    f("sftp://bob@nas/~", "bob", "nas", 22, ".");
    f("sftp://bob@nas/~/", "bob", "nas", 22, ".", "sftp://bob@nas/~");
    f("sftp://bob@[::1]/b", "bob", "::1", 22, "/b");
    f("sftp://bob@[fe80::1]:23/b c", "bob", "fe80::1", 23, "/b c");
    const auto refused = [](const char* url, const char* want) {
        const auto address = parse_sftp_address(url);
        ASSERT_FALSE(address) << url;
        EXPECT_EQ(address.error().code(), Code::invalid);
        EXPECT_NE(address.error().text().find(want), std::string::npos) << address.error().text();
    };
    refused("", "no sftp://");
    refused("http://bob@nas/b", "no sftp://");
    refused("sftp://nas/b", "no user");
    refused("sftp://@nas/b", "no user");
    refused("sftp://bob:secret@nas/b", "a password does not belong");
    refused("sftp://bob@/b", "bad host");
    refused("sftp://bob@nas", "no folder");
    refused("sftp://bob@nas/", "no folder");
    refused("sftp://bob@nas//", "no folder");
    refused("sftp://bob@nas:0/b", "port");
    refused("sftp://bob@nas:99999/b", "port");
    refused("sftp://bob@nas:x/b", "port");
    refused("sftp://bob@::1/b", "IPv6");
    refused("sftp://bob@nas/a/../b", "..");
    refused("sftp://bob@nas/a\nb", "what no address holds");
    EXPECT_EQ(parse_sftp_address("sftp://bob:secret@nas/b").error().text().find("secret"), std::string::npos);
}

TEST(SftpAddress, KnowsAFingerprint) {
    const std::string whole = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
    EXPECT_EQ(parse_host_key(whole).value(), whole);
    EXPECT_EQ(parse_host_key(whole + "=").value(), whole);
    for (const char* text : {"", "SHA256:", "SHA256:abcd", "MD5:00:11", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"})
        EXPECT_EQ(parse_host_key(text).error().code(), Code::invalid) << text;
}

Buffer bytes_of(std::size_t count, std::uint64_t seed) {
    Rng rng(seed);
    Buffer bytes(count);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rng.next());
    return bytes;
}

// What the second place of backups needs of files, wherever they are.
void keeps_the_contract(Files& files, const std::string& root) {
    const std::string a = root + "/a", deep = root + "/x/y/z";
    EXPECT_FALSE(*files.exists(a));
    EXPECT_EQ(files.open(a, Open::read).error().code(), Code::not_found);
    EXPECT_EQ(files.remove(a).error().code(), Code::not_found);
    ASSERT_TRUE(files.make_folder(deep, 0700));
    ASSERT_TRUE(files.make_folder(deep, 0700));
    EXPECT_EQ(files.list(root).value(), (std::vector<std::string>{"x"}));
    EXPECT_TRUE(files.list(deep)->empty());
    EXPECT_FALSE(files.list(root + "/nowhere"));
    {
        const auto file = files.open(a, Open::create_new);
        ASSERT_TRUE(file) << file.error().text();
        EXPECT_EQ((*file)->size().value(), 0u);
        ASSERT_TRUE((*file)->append(as_bytes("hello ")));
        ASSERT_TRUE((*file)->append(as_bytes("world")));
        ASSERT_TRUE((*file)->sync());
        EXPECT_EQ((*file)->size().value(), 11u);
    }
    EXPECT_EQ(files.open(a, Open::create_new).error().code(), Code::exists);
    EXPECT_EQ(as_text(read_whole(files, a, 100).value()), "hello world");
    EXPECT_EQ(read_whole(files, a, 5).error().code(), Code::limit);
    {
        const auto file = files.open(a, Open::read).value();
        Buffer part(5);
        ASSERT_TRUE(file->read_at(6, part));
        EXPECT_EQ(as_text(part), "world");
        ASSERT_TRUE(file->read_at(0, part));
        EXPECT_EQ(as_text(part), "hello");
        EXPECT_EQ(file->read_at(7, part).error().code(), Code::corrupt);
        ASSERT_TRUE(file->read_at(1, part));
        EXPECT_EQ(as_text(part), "ello ");
    }
    // Larger than any packet, and replaced.
    const Buffer much = bytes_of(3 << 20, 1);
    ASSERT_TRUE(write_whole(files, a, much));
    EXPECT_EQ(read_whole(files, a, 4 << 20).value(), much);
    ASSERT_TRUE(write_whole(files, a, as_bytes("short")));
    EXPECT_EQ(as_text(read_whole(files, a, 100).value()), "short");
    ASSERT_TRUE(write_whole(files, root + "/b", {}));
    EXPECT_EQ(read_whole(files, root + "/b", 0)->size(), 0u);
    ASSERT_TRUE(files.rename(root + "/b", a));
    EXPECT_EQ(read_whole(files, a, 0)->size(), 0u);
    EXPECT_FALSE(*files.exists(root + "/b"));
    ASSERT_TRUE(files.rename(root + "/x", root + "/w"));
    EXPECT_TRUE(*files.exists(root + "/w/y/z"));
    EXPECT_FALSE(files.rename(root + "/x", root + "/v"));
    EXPECT_FALSE(files.remove(root + "/w"));  // it is not empty
    ASSERT_TRUE(files.remove(root + "/w/y/z"));
    EXPECT_EQ(files.list(root).value(), (std::vector<std::string>{"a", "w"}));
    EXPECT_TRUE(files.sync_folder(root));
    EXPECT_GT(files.space(root)->free_bytes, 0u);
    ASSERT_TRUE(files.remove(a));
    EXPECT_FALSE(*files.exists(a));
}

TEST(Place, OfFilesInMemoryKeepsTheContract) {
    SimFiles files;
    ASSERT_TRUE(files.make_folder("/root", 0700));
    keeps_the_contract(files, "/root");
}

const std::atomic<bool> kGoOn = false;

TEST(Place, OfAnSshServerKeepsTheContract) {
    // New keys in the middle of everything, too.
    Sshd server("RekeyLimit 1M\n");
    const auto files = open_sftp(server.options(), kGoOn);
    ASSERT_TRUE(files) << files.error().text();
    keeps_the_contract(**files, server.files());
    EXPECT_EQ((*files)->lock_folder(server.files()).error().code(), Code::unsupported);
    const auto missing = (*files)->open("/no/such", Open::read);
    EXPECT_NE(missing.error().text().find("cannot open sftp://"), std::string::npos) << missing.error().text();
    EXPECT_NE(missing.error().text().find("/no/such: No such file or directory"), std::string::npos);
}

TEST(Sftp, TrustsOnlyTheAcceptedKey) {
    Sshd server;
    SftpOptions options = server.options();
    options.host_key = "";
    const auto unknown = open_sftp(options, kGoOn);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code(), Code::denied);
    EXPECT_NE(unknown.error().text().find("--backup-target-host-key " + server.fingerprint("host_ed25519")),
              std::string::npos)
        << unknown.error().text();
    options.host_key = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
    const auto other = open_sftp(options, kGoOn);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code(), Code::denied);
    EXPECT_NE(other.error().text().find("not the accepted SHA256:47DE"), std::string::npos) << other.error().text();
    EXPECT_NE(other.error().text().find(server.fingerprint("host_ed25519")), std::string::npos);
    // Whichever of its keys was accepted.
    options.host_key = server.fingerprint("host_ecdsa");
    const auto ecdsa = open_sftp(options, kGoOn);
    EXPECT_TRUE(ecdsa) << ecdsa.error().text();
}

TEST(Sftp, IsLetInByAKeyOnlyWeCanRead) {
    Sshd server;
    SftpOptions options = server.options();
    const auto refused = [&](Code code, const std::string& want) {
        const auto files = open_sftp(options, kGoOn);
        ASSERT_FALSE(files) << want;
        EXPECT_EQ(files.error().code(), code);
        EXPECT_NE(files.error().text().find(want), std::string::npos) << files.error().text();
    };
    const std::string folder = server.folder();
    server.make_key("stranger", "ed25519");
    options.key_file = folder + "/stranger";
    refused(Code::denied, "does not let us in with the key");
    server.make_key("sealed", "ed25519", "a passphrase");
    options.key_file = folder + "/sealed";
    refused(Code::unsupported, "needs a passphrase");
    std::ofstream(folder + "/junk") << "no key\n";
    ::chmod((folder + "/junk").c_str(), 0600);
    options.key_file = folder + "/junk";
    refused(Code::invalid, "is no private key");
    ::chmod((folder + "/user").c_str(), 0640);
    options.key_file = folder + "/user";
    refused(Code::denied, "(mode 640); chmod 600");
    options.key_file = folder + "/none";
    refused(Code::not_found, "cannot look at " + folder + "/none");
    options.key_file = "";
    refused(Code::invalid, "asks who we are");
    options.password_file = folder + "/junk";
    refused(Code::denied, "the password in " + folder + "/junk is not");
    server.make_key("other", "ecdsa");
    std::ofstream(folder + "/authorized_keys", std::ios::app) << std::ifstream(folder + "/other.pub").rdbuf();
    options.key_file = folder + "/other";
    const auto files = open_sftp(options, kGoOn);
    EXPECT_TRUE(files) << files.error().text();
}

TEST(Sftp, TellsWhereNobodyAnswers) {
    SftpOptions options;
    {
        Sshd server;
        options = server.options();
        options.host_key = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
    }
    EXPECT_NE(open_sftp(options, kGoOn).error().text().find("Connection refused"), std::string::npos);
    options.address.host = "no-such-host.invalid";
    EXPECT_NE(open_sftp(options, kGoOn).error().text().find("cannot find the host"), std::string::npos);
    // Somebody answers who speaks no SSH.
    const auto clock = make_system_clock();
    const auto loop = make_epoll_loop(*clock);
    std::vector<std::unique_ptr<Stream>> held;
    const auto listener =
        loop->listen({"127.0.0.1", 0}, {}, [&](std::unique_ptr<Stream> stream) { held.push_back(std::move(stream)); });
    options.address.host = "127.0.0.1";
    options.address.port = (*listener)->address().port;
    options.patience = kSecond / 5;
    const auto silent = open_sftp(options, kGoOn);
    ASSERT_FALSE(silent);
    EXPECT_EQ(silent.error().code(), Code::timeout) << silent.error().text();
}

TEST(Sftp, ACutLinkASilentOneAndACancelEndSoon) {
    const Buffer much = bytes_of(1 << 20, 2);
    const auto f = [&](auto spoil, Code want) {
        Sshd server;
        SftpOptions options = server.options();
        if (want == Code::timeout) options.patience = 2 * kSecond;
        std::atomic<bool> cancelled = false;
        const auto files = open_sftp(options, cancelled);
        ASSERT_TRUE(files) << files.error().text();
        auto file = (*files)->open(server.files() + "/a", Open::create_new).value();
        ASSERT_TRUE(file->append(much));
        const auto reading = (*files)->open(server.files() + "/a", Open::read).value();
        spoil(server, cancelled);
        Result<void> written;
        for (int i = 0; written && i < 1000; ++i) written = file->append(much);
        ASSERT_FALSE(written);
        EXPECT_EQ(written.error().code(), want) << written.error().text();
        // Dead is dead.
        Buffer part(10);
        EXPECT_FALSE(reading->read_at(0, part));
        EXPECT_FALSE((*files)->exists(server.files()));
        EXPECT_FALSE((*files)->list(server.files()));
        EXPECT_FALSE((*files)->open(server.files() + "/a", Open::read));
    };
    f([](Sshd& server, std::atomic<bool>&) { server.cut(); }, Code::unavailable);
    f([](Sshd& server, std::atomic<bool>&) { server.freeze(); }, Code::timeout);
    f([](Sshd&, std::atomic<bool>& cancelled) { cancelled = true; }, Code::conflict);
    f(
        [](Sshd& server, std::atomic<bool>& cancelled) {
            server.freeze();
            cancelled = true;
        },
        Code::conflict);
}

}  // namespace
}  // namespace gongshu::io
