#include "api/vault/default_connections.h"

#include <array>

namespace pipelined::api {
namespace {

// Never with a password: who can guess an address must not be able to guess that, too.
constexpr std::array kDefaults{
    DefaultConnection{"aws_default", "aws"},
    DefaultConnection{"cassandra_default", "cassandra", "cassandra", {}, {}, 9042},
    DefaultConnection{"elasticsearch_default", "elasticsearch", "localhost", {}, "http", 9200},
    DefaultConnection{"fs_default", "fs", {}, {}, {}, 0, R"({"path": "/"})"},
    DefaultConnection{"ftp_default", "ftp", "localhost", {}, {}, 21},
    DefaultConnection{"google_cloud_default", "google_cloud_platform", {}, {}, "default"},
    DefaultConnection{"http_default", "http", "https://www.httpbin.org/"},
    DefaultConnection{"kafka_default", "kafka", {}, {}, {}, 0, R"({"bootstrap.servers": "broker:29092"})"},
    DefaultConnection{"kubernetes_default", "kubernetes"},
    DefaultConnection{"mongo_default", "mongo", "mongo", {}, {}, 27017},
    DefaultConnection{"mssql_default", "mssql", "localhost", {}, {}, 1433},
    DefaultConnection{"mysql_default", "mysql", "mysql", "root", "airflow"},
    DefaultConnection{"oracle_default", "oracle", "localhost", "root", "schema", 1521},
    DefaultConnection{"postgres_default", "postgres", "postgres", "postgres", "airflow"},
    DefaultConnection{"redis_default", "redis", "redis", {}, {}, 6379, R"({"db": 0})"},
    DefaultConnection{"sftp_default", "sftp", "localhost", {}, {}, 22},
    DefaultConnection{"snowflake_default", "snowflake"},
    DefaultConnection{"spark_default", "spark", "yarn"},
    DefaultConnection{"sqlite_default", "sqlite"},
    DefaultConnection{"ssh_default", "ssh", "localhost"},
    DefaultConnection{"trino_default", "trino", "localhost", {}, "hive", 3400},
    DefaultConnection{"vertica_default", "vertica", "localhost", {}, {}, 5433},
    DefaultConnection{"webhdfs_default", "hdfs", "localhost", {}, {}, 50070},
};

}  // namespace

std::span<const DefaultConnection> DefaultConnections() {
  return kDefaults;
}

}  // namespace pipelined::api
