// The TypeScript shape of a message router, as a peer for measurements: the
// official MCP SDK, stateless (a server and a transport for each request), a
// commit with synchronous=FULL before each answer and, with targets, one
// "tmux send-keys" a message. Written as plainly as such servers are.
//
//   bun server.ts <database> [<tmux socket> <target>…]
//
// Prints the port it listens on.
import { Database } from "bun:sqlite";
import { createServer } from "node:http";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const [path, tmux, ...targets] = process.argv.slice(2);

const db = new Database(path, { create: true });
db.exec("PRAGMA journal_mode = WAL");
db.exec("PRAGMA synchronous = FULL");
db.exec("CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, sender TEXT, recipient TEXT, body TEXT, at INTEGER)");
const insert = db.prepare("INSERT INTO messages VALUES (?, ?, ?, ?, ?)");

const tool = {
  name: "send_to_peer",
  description: "Send a message to another peer on this host, by its name.",
  inputSchema: {
    type: "object" as const,
    properties: {
      personality: { type: "string", pattern: "^[a-z][a-z0-9-]{0,31}$" },
      message: { type: "string", minLength: 1, maxLength: 16000 },
    },
    required: ["personality", "message"],
    additionalProperties: false,
  },
};

async function deliver(recipient: string, message: string) {
  const target = targets[Number(recipient.replace(/\D/g, "")) % targets.length];
  const keys = Bun.spawn(["tmux", "-S", tmux, "send-keys", "-t", target, "-l", "--", message + "\n"], {
    stdout: "ignore",
    stderr: "ignore",
  });
  if ((await keys.exited) !== 0) throw new Error("tmux send-keys failed");
}

function makeServer(identity: string) {
  const server = new Server({ name: "peer", version: "1.0.0" }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, async () => ({ tools: [tool] }));
  server.setRequestHandler(CallToolRequestSchema, async (request) => {
    const { personality, message } = request.params.arguments as { personality: string; message: string };
    if (typeof personality !== "string" || typeof message !== "string" || message.length > 16000) {
      return { isError: true, content: [{ type: "text", text: "bad arguments" }] };
    }
    const id = crypto.randomUUID();
    insert.run(id, identity, personality, message, Date.now());
    if (targets.length > 0) await deliver(personality, message);
    const result = { ok: true, id, delivered_to: { personality }, ts: new Date().toISOString() };
    return { content: [{ type: "text", text: JSON.stringify(result, null, 2) }], structuredContent: result };
  });
  return server;
}

const listener = createServer(async (req, res) => {
  const server = makeServer(String(req.headers["x-iapeer-identity"] ?? ""));
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
  res.on("close", () => {
    transport.close();
    server.close();
  });
  await server.connect(transport);
  await transport.handleRequest(req, res);
});
listener.listen(0, "127.0.0.1", () => console.log((listener.address() as { port: number }).port));
