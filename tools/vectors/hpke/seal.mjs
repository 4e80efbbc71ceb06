// Seals what `hpke inputs` made, with @hpke/core and @hpke/hybridkem-x-wing: reads JSON on standard input, writes the finished vectors.
// Keys and encapsulated keys are computed again from seeds and randomness and must be those that Go found.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { Aes256Gcm, CipherSuite, HkdfSha256 } from '@hpke/core';
import { XWing } from '@hpke/hybridkem-x-wing';

const suite = new CipherSuite({ kem: new XWing(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });

// The packages take ArrayBuffers that hold nothing else, which a Buffer's is not.
const bytes = (hex) => Uint8Array.from(Buffer.from(hex, 'hex')).buffer;
const hex = (buffer) => Buffer.from(buffer).toString('hex');

// The packages write the length L of an export as one byte; every export is composed here from their exporter secret (RFC 9180 s4,
// s5.3), and a short one must be what they say.
function composedExport(sender, vector, context, length) {
  const numbers = (...values) => Buffer.concat(values.map((value) => Buffer.from([value >> 8, value & 0xff])));
  const suiteId = Buffer.concat([Buffer.from('HPKE'), numbers(vector.kem_id, vector.kdf_id, vector.aead_id)]);
  const info = Buffer.concat([numbers(length), Buffer.from('HPKE-v1'), suiteId, Buffer.from('sec'), Buffer.from(context)]);
  const blocks = [];
  for (let i = 1; blocks.length * 32 < length; i++) {
    const hmac = createHmac('sha256', Buffer.from(sender.exporterSecret));
    blocks.push(hmac.update(blocks.at(-1) ?? '').update(info).update(Buffer.from([i])).digest());
  }
  return Buffer.concat(blocks).subarray(0, length);
}

async function finish(vector) {
  assert.deepEqual([suite.kem.id, suite.kdf.id, suite.aead.id], [vector.kem_id, vector.kdf_id, vector.aead_id]);
  const keys = await suite.kem.generateKeyPairDerand(new Uint8Array(bytes(vector.skRm)));
  assert.equal(hex(await suite.kem.serializePublicKey(keys.publicKey)), vector.pkRm, `${vector.name}: pkRm`);

  const setup = { recipientPublicKey: keys.publicKey, info: bytes(vector.info), ekm: bytes(vector.ikmE) };
  const { sharedSecret, enc } = await suite.kem.encap(setup);
  assert.equal(hex(enc), vector.enc, `${vector.name}: enc`);
  const sender = await suite.createSenderContext(setup);
  assert.equal(hex(sender.enc), vector.enc, `${vector.name}: enc`);

  vector.shared_secret = hex(sharedSecret);
  for (const message of vector.encryptions) message.ct = hex(await sender.seal(bytes(message.pt), bytes(message.aad)));
  for (const exported of vector.exports) {
    const context = bytes(exported.exporter_context);
    exported.exported_value = hex(composedExport(sender, vector, context, exported.L));
    if (exported.L < 256) assert.equal(hex(await sender.export(context, exported.L)), exported.exported_value, `${vector.name}: export`);
  }
}

const vectors = JSON.parse(await text(process.stdin));
for (const vector of vectors) await finish(vector);
// One message or export per line.
const pretty = JSON.stringify(vectors, null, 1).replace(/\{[^{}[\]]*\}/g, (object) => object.replace(/\s*\n\s*/g, ' '));
process.stdout.write(pretty + '\n');
