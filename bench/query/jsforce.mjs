// The same as main.cpp with jsforce: every record of a query as it arrives, two fields of each.
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../tests/clients/package.json', import.meta.url));
const jsforce = require('jsforce');
const [instanceUrl, soql, most, rounds] = process.argv.slice(2);
const connection = new jsforce.Connection({
    instanceUrl, accessToken: process.env.ACCESS_TOKEN, version: '62.0' });

for (let round = 0; round < Number(rounds); ++round) {
    const before = process.cpuUsage();
    const begun = process.hrtime.bigint();
    let records = 0;
    let bytes = 0;
    await new Promise((resolve, reject) => {
        connection.query(soql)
            .on('record', (record) => {
                ++records;
                bytes += record.Name.length + String(record.Value__c).length;
            })
            .on('end', resolve)
            .on('error', reject)
            .run({ autoFetch: true, maxFetch: Number(most) });
    });
    const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
    const used = process.cpuUsage(before);
    console.log(JSON.stringify({
        records, bytes, seconds, cpu_seconds: (used.user + used.system) / 1e6,
        peak_kb: process.resourceUsage().maxRSS }));
}
