#pragma once

#include "pipelined/ports/vault.h"
#include "store/session_pool.h"

namespace pipelined {

class PgVault : public Vault {
 public:
  explicit PgVault(SessionPool& pool) : pool_(pool) {}

  Result<Listing<VariableRow>> Variables(const TextSearch& key, const Page& page) override;
  Result<VariableRow> Variable(const std::string& key) override;
  Result<Listing<ConnectionRow>> Connections(const TextSearch& id, const Page& page) override;
  Result<ConnectionRow> Connection(const std::string& connection_id) override;
  Status Write(const std::vector<VaultChange>& changes) override;
  Result<std::vector<std::pair<std::string, std::int64_t>>> KeysInUse() override;
  Result<std::vector<SealedRow>> SealedOtherwise(VaultKind kind, const std::string& key_id, const std::string& after,
                                                 int most) override;
  Result<bool> Reseal(const SealedRow& row, const Sealed& fresh) override;

 private:
  SessionPool& pool_;
};

}  // namespace pipelined
