#pragma once

#include <map>
#include <string>
#include <vector>

#include "package/manifest.h"
#include "registry/registry.h"

// What a registry holds of packages: whom to trust, and what is installed.
namespace gongshu::package {

// A signer whose packages may be installed. Administrators alone change it.
struct TrustedSignerSpec {
    std::string title;      // who it is
    std::string algorithm;  // "ed25519", "sm2"
    std::string key;        // public key, DER, base64
    std::string note;       // how the key came here
};
registry::Kind trusted_signer_kind();

struct InstalledResource {
    std::string kind, name;
    bool made = true;  // false: it was there before, or belongs to another package; it stays when this one goes
};

// A version that was installed before, to go back to.
struct EarlierVersion {
    std::string version;
    std::string sha256;
    std::map<std::string, Json> parameters;
};
inline constexpr std::size_t kEarlierMax = 10;

// One installed package. Written by Packages alone, together with the resources, in one transaction.
struct PackageSpec {
    std::string version;
    PackageType type = PackageType::solution;
    std::string title_zh, title_en;
    std::string licence;
    std::string sha256;  // of the file, which lies in the folder of packages under this name
    std::string signer, signer_key_id;
    std::map<std::string, Json> parameters;
    std::vector<Requirement> needs;
    std::vector<InstalledResource> resources;
    std::vector<EarlierVersion> earlier;  // the newest last
};
registry::Kind package_kind();
Json package_json(const PackageSpec& spec);

}  // namespace gongshu::package

extern template gongshu::Result<gongshu::package::PackageSpec>
gongshu::registry::spec_of<gongshu::package::PackageSpec>(const Resource&);
extern template gongshu::Result<gongshu::package::TrustedSignerSpec>
gongshu::registry::spec_of<gongshu::package::TrustedSignerSpec>(const Resource&);
