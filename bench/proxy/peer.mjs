// A reverse proxy as one writes it in Node: its own http client with kept connections, one header
// added, bodies piped.   node peer.mjs LISTEN UPSTREAM [CA_FILE]
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const [listen, upstream, ca] = process.argv.slice(2);
const client = ca ? https : http;
const agent = new client.Agent({
  keepAlive: true, maxSockets: 256, ...(ca && {ca: fs.readFileSync(ca)})});

http.createServer((request, response) => {
  const headers = {...request.headers, authorization: 'Bearer 00D-bench', host: `127.0.0.1:${upstream}`};
  const out = client.request(
      {host: '127.0.0.1', port: upstream, method: request.method, path: request.url, headers, agent},
      (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
  out.on('error', () => response.destroy());
  request.pipe(out);
}).listen(listen, '127.0.0.1');
