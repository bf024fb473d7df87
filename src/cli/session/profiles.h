// What `pipectl login` keeps: servers by name, each with its address and a token. Never a password.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/result.h"

namespace pipelined::cli {

struct Profile {
  std::string name;
  std::string url;
  std::string user;
  std::string token;    // empty: logged out
  std::string ca_cert;  // absolute path of a PEM file; empty: the system's authorities
};

// $XDG_CONFIG_HOME/pipelined/profiles.json, else ~/.config/pipelined/profiles.json
std::string ProfilesPath();

class Profiles {
 public:
  // No file is no profiles. kInvalid: it is there and cannot be understood.
  static Result<Profiles> Load(const std::string& path = ProfilesPath());
  // Replaces the file as a whole, mode 0600, in a folder of mode 0700 if it has to be made.
  Status Save(const std::string& path = ProfilesPath()) const;
  // Loads, changes and saves while nobody else does: what another log-in has added meanwhile stays. Nothing is saved
  // when `change` fails.
  static Status Update(const std::function<Status(Profiles&)>& change, const std::string& path = ProfilesPath());

  const std::vector<Profile>& all() const { return all_; }
  const std::string& current() const { return current_; }  // empty: none

  const Profile* Find(std::string_view name) const;
  // The same; kNotFound names the nearest one.
  Result<Profile> Get(std::string_view name) const;
  const Profile* WithUrl(std::string_view url) const;

  void Put(Profile profile);
  void Remove(std::string_view name);
  void Use(std::string name) { current_ = std::move(name); }

 private:
  std::vector<Profile> all_;
  std::string current_;
};

}  // namespace pipelined::cli
