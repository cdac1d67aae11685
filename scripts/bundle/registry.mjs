// A registry of npm on the loopback interface that has what a bundle has: `node registry.mjs FOLDER PORT-FILE`.
// npm asks a registry even for what package-lock.json names in full, and its own cache answers only under the name
// of the registry that filled it. Plain JavaScript, because it runs with the Node that is there before set-up.
import { createReadStream, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'

const [folder, portFile] = process.argv.slice(2)
const tarballs = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'))

const server = createServer((request, response) => {
  const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname).slice(1)
  const tarball = tarballs.find(({ file }) => path === `-/${file}`)
  if (tarball !== undefined) {
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-length': tarball.sizeBytes,
    })
    createReadStream(join(folder, tarball.file)).pipe(response)
    return
  }
  const versions = tarballs.filter(({ name }) => name === path)
  response.writeHead(versions.length > 0 ? 200 : 404, { 'content-type': 'application/json' })
  response.end(
    JSON.stringify(versions.length > 0 ? describe(path, versions) : { error: `no ${path} in the bundle` }),
  )
})

/** What npm must know of a package to fetch it; package-lock.json has the rest. */
function describe(name, versions) {
  const base = `http://127.0.0.1:${server.address().port}/-/`
  const entries = versions.map(({ version, integrity, file }) => [
    version,
    { name, version, dist: { integrity, tarball: `${base}${file}` } },
  ])
  return { name, 'dist-tags': { latest: entries.at(-1)[0] }, versions: Object.fromEntries(entries) }
}

server.listen(0, '127.0.0.1', () => {
  writeFileSync(`${portFile}.partial`, String(server.address().port))
  renameSync(`${portFile}.partial`, portFile)
})
