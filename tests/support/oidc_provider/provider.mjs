// An OpenID Connect provider for tests and trials: a certified implementation with accounts from a file. Its own plain
// pages ask for a login and take any password.
//
// The file: {"port", "issuer", "accounts": {"alice": {"groups": [...]}}, "clients": [...], "keys": [JWK, private ones],
//            "token_has_claims": whether names and groups stand in the ID token, too,
//            "tls": {"cert", "key"}, PEM files; none: plain HTTP}
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { pathToFileURL } from 'node:url';

const [modules, file] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(`${modules}/oidc-provider/lib/index.js`));
const settings = JSON.parse(readFileSync(file, 'utf8'));

const provider = new Provider(settings.issuer, {
  clients: settings.clients,
  jwks: { keys: settings.keys },
  claims: { openid: ['sub'], profile: ['preferred_username', 'groups'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: !settings.token_has_claims,
  pkce: { methods: ['S256'], required: () => true },
  cookies: { keys: ['of tests alone'] },
  findAccount: (_, name) => {
    const account = settings.accounts[name];
    return account && {
      accountId: name,
      claims: () => ({ sub: name, preferred_username: name, ...account }),
    };
  },
});
const server = settings.tls
  ? https.createServer({ cert: readFileSync(settings.tls.cert), key: readFileSync(settings.tls.key) }, provider.callback())
  : http.createServer(provider.callback());
server.listen(settings.port, '127.0.0.1', () => console.log(`ready ${settings.issuer}`));
process.on('SIGTERM', () => { server.closeAllConnections(); server.close(() => process.exit(0)); });
