// The episodes' list and get with Express and pg, with the same checks, headers and log line as the API.
// `/rows` serializes rows, as Express services do; `/json` returns JSON built by Postgres; `/constant` does no work.
import crypto from "node:crypto";
import express from "express";
import jwt from "jsonwebtoken";
import pg from "pg";

const settings = JSON.parse(process.env.BENCHMARK_SETTINGS);

// As in the API's responses, dates are strings and ratings are numbers.
pg.types.setTypeParser(pg.types.builtins.DATE, (text) => text);
pg.types.setTypeParser(pg.types.builtins.NUMERIC, Number);
const { host, port, database, username: user, password } = settings.database;
const pool = new pg.Pool({ host, port, database, user, password, max: settings.poolSize, options: "-c timezone=UTC" });

const keys = new Map();
for (const key of (await (await fetch(settings.jwksUrl)).json()).keys) {
  keys.set(key.kid, crypto.createPublicKey({ key, format: "jwk" }));
}

const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};

function context(request, response, next) {
  const began = process.hrtime.bigint();
  request.id = crypto.randomUUID();
  response.set(HEADERS);
  response.set("X-Request-ID", request.id);
  response.on("finish", () => {
    const ms = Number(process.hrtime.bigint() - began) / 1e6;
    const line = { level: "INFO", message: "request_handled", timestamp: new Date().toISOString(), method: request.method };
    const more = { route: request.route?.path, status: response.statusCode, ms, request_id: request.id };
    process.stdout.write(`${JSON.stringify({ ...line, ...more, user: request.caller?.sub })}\n`);
  });
  next();
}

function guard(request, response, next) {
  const [scheme, token] = (request.get("authorization") ?? "").split(" ");
  if (scheme.toLowerCase() !== "bearer" || !token) return response.status(401).json({ error: "no token" });
  try {
    const find = (header, done) => done(null, keys.get(header.kid));
    jwt.verify(token, find, { algorithms: ["RS256"], issuer: settings.issuer }, (error, claims) => {
      const holds =
        !error &&
        claims.token_use === "access" &&
        settings.clientIds.includes(claims.client_id) &&
        claims.exp - claims.iat <= settings.maxLifetimeSeconds &&
        Array.isArray(claims["cognito:groups"]);
      if (!holds) return response.status(401).json({ error: "invalid token" });
      if (!claims["cognito:groups"].some((group) => settings.readers.includes(group))) {
        return response.status(403).json({ error: "forbidden" });
      }
      request.caller = claims;
      next();
    });
  } catch {
    response.status(401).json({ error: "invalid token" });
  }
}

const cursorOf = (id) => Buffer.from(id.replaceAll("-", ""), "hex").toString("base64url");
// A named statement is prepared once per connection, as psycopg does automatically.
const query = (name, values) => pool.query({ name, text: settings.statements[name], values });
const listValues = (request) => [Number(request.query.limit ?? 20)];
const sendJson = (response, text) => response.type("application/json").send(text);

const app = express();
app.disable("x-powered-by");
// The ETag is the version: the API does not hash bodies either.
app.set("etag", false);
app.use(context);

app.get("/constant/api/v1/episodes", (_, response) => sendJson(response, settings.constant));

app.get("/rows/api/v1/episodes", guard, async (request, response) => {
  const [limit] = listValues(request);
  const { rows } = await query("list_rows", [limit]);
  const data = rows.slice(0, limit);
  const next = rows.length > data.length ? cursorOf(data.at(-1).episode_id) : null;
  response.json({ data, page: { next } });
});

app.get("/json/api/v1/episodes", guard, async (request, response) => {
  const { rows } = await query("list_json", listValues(request));
  const next = rows[0].last_id ? `"${cursorOf(rows[0].last_id)}"` : "null";
  sendJson(response, `{"data":${rows[0].items},"page":{"next":${next}}}`);
});

app.get("/rows/api/v1/episodes/:id", guard, async (request, response) => {
  const { rows } = await query("get_rows", [request.params.id]);
  if (!rows.length) return response.status(404).json({ error: "not found" });
  response.set("ETag", rows[0].etag).json({ data: rows[0] });
});

app.get("/json/api/v1/episodes/:id", guard, async (request, response) => {
  const { rows } = await query("get_json", [request.params.id]);
  if (!rows.length) return response.status(404).json({ error: "not found" });
  sendJson(response.set("ETag", rows[0].etag), `{"data":${rows[0].item}}`);
});

app.listen(settings.port, "127.0.0.1");
