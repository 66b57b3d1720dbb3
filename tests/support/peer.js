// A throw-away receiver in another language, as many samples have it: node peer.js DESCRIPTOR RUNS
const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");

const [descriptor, runs] = process.argv.slice(2);
const secret = process.env.LICENSECHAIN_WEBHOOK_SECRET;

function receive(headers, body) {
  const expected = crypto.createHmac("sha256", secret).update(body).digest("hex");
  const signature = headers["x-webhook-signature"] ?? "";
  if (!crypto.timingSafeEqual(Buffer.from(signature), Buffer.from(expected))) return 401;
  fs.appendFileSync(runs, `${JSON.parse(body).id}\n`);
  return 200;
}

http
  .createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      let status = 500; // as frameworks answer what is thrown
      try {
        status = receive(request.headers, Buffer.concat(chunks));
      } catch {}
      response.writeHead(status, { "Content-Length": 0 }).end();
    });
  })
  .listen({ fd: Number(descriptor) });
