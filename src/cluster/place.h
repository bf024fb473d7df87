// Where a home's cluster lives, who runs it, and where its socket lies.
#pragma once

#include <string>

#include "cluster/process.h"
#include "pipelined/base/result.h"

namespace pipelined::cluster {

struct Place {
  Account account;
  std::string root;        // resolved: <home>/postgres, or /var/lib/pipelined/clusters/<id>
  std::string data;        // root + "/data"; there once the cluster is made
  std::string log;         // root + "/server.log"
  std::string socket_dir;  // 0700, the account's own
  std::string name;        // distinguishes this cluster's processes from all others

  std::string socket() const { return socket_dir + "/.s.PGSQL.5432"; }
  bool made() const;  // initdb has finished here
};

// `postgres` or `nobody` for root; ourselves otherwise.
Result<Account> ServerAccount();

// Finds the place, making its folders. kConflict: it belongs to another home (a copied link). kFailed: cannot be made,
// or the link leads nowhere: the database behind it is gone, and a new one is not made silently.
Result<Place> FindPlace(const std::string& home, const Account& account);

}  // namespace pipelined::cluster
