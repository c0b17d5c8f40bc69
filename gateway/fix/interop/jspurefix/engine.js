// A stock jspurefix initiator that is told by lines on its standard input what to do and tells on its standard output what
// happens, in the words of ../quickfix/engine.cpp: logon, logout, send, next-in and quit come in; in, out, admin, app, on,
// off, set, event and bad go out. What is "admin" or "app" has passed the engine's integrity check against its FIX 4.4
// dictionary.
//
// usage: engine.js PORT FOLDER PASSWORD, with FOLDER for the message stores

'use strict'

require('reflect-metadata')
const fs = require('fs')
const path = require('path')
const readline = require('readline')
const { EmptyLogFactory } = require('jspurefix/dist/config')
const { AsciiSession } = require('jspurefix/dist/transport')
const { SessionLauncher } = require('jspurefix/dist/runtime')
const { FileSessionStreamProvider } = require('jspurefix/dist/store')

const [port, folder, password] = process.argv.slice(2)
const target = 'UNCROSS'

// The engine's numbers are kept one write after the other, and each whole. As it comes it starts a write without waiting for
// the one before, so that an older number may be the last to reach the file, and opens the file empty, so that whoever reads
// it then finds no numbers and begins at 1.
FileSessionStreamProvider.prototype.writeSeqNums = async function (content) { replace(this.seqNumsPath, content) }

function replace (file, content) {
  fs.writeFileSync(`${file}.new`, content)
  fs.renameSync(`${file}.new`, file)
}

function tell (word, name, text = '') {
  process.stdout.write(`${word} ${name} ${String(text).replace(/\u0001/g, '|').replace(/[\r\n]/g, ' ')}\n`)
}

class Client extends AsciiSession {
  constructor (config) {
    super(config)
    this.checkMsgIntegrity = true // an initiator's default is to trust
    this.name = config.description.SenderCompId
    live.set(this.name, this)
  }

  onDecoded (msgType, text) {
    this.raw = text
    tell('in', this.name, text)
  }

  onEncoded (msgType, text) { tell('out', this.name, text) }
  onApplicationMsg (msgType, view) { tell('app', this.name, this.raw) }
  onSessionMsg (msgType, view) {
    tell('admin', this.name, this.raw)
    super.onSessionMsg(msgType, view)
  }

  onLogon () { return true }
  onReady () { tell('on', this.name) }
  onStopped (error) {
    if (error) tell('event', this.name, error.message)
    live.delete(this.name)
    tell('off', this.name)
  }

  // say sends a message given by tags.
  say (text) {
    const fields = text.split('|').filter(f => f !== '').map(f => [Number(f.slice(0, f.indexOf('='))), f.slice(f.indexOf('=') + 1)])
    const body = {}
    let type = ''
    for (const [tag, value] of fields) {
      if (tag === 35) {
        type = value
        continue
      }
      const { message, tagToSimple } = this.config.definitions
      if (!put(body, message.get(type), tagToSimple[tag]?.name, value)) throw new Error(`${type} has no field ${tag}`)
    }
    this.send(type, body, error => { if (error) tell('bad', this.name, error.message) })
  }
}

// put puts a value where it belongs in the object that stands for a set of fields: some are in components.
function put (object, set, name, value) {
  if (set.localNameToField.has(name)) {
    object[name] = value
    return true
  }
  for (const definition of set.components.values()) {
    const inner = object[definition.name] ?? {}
    if (put(inner, definition, name, value)) {
      object[definition.name] = inner
      return true
    }
  }
  return false
}

const live = new Map() // by SenderCompID, the sessions that there are

class Launcher extends SessionLauncher {
  constructor (description) { super(description, null, new EmptyLogFactory()) }
  makeFactory () { return { makeSession: config => new Client(config) } }
}

function logon (name) {
  const description = {
    application: { type: 'initiator', name, protocol: 'ascii', dictionary: 'qf44', tcp: { host: '127.0.0.1', port: Number(port) } },
    Username: name,
    Password: password,
    ResetSeqNumFlag: false,
    HeartBtInt: 30,
    SenderCompId: name,
    TargetCompID: target,
    BeginString: 'FIX.4.4',
    store: { type: 'file', directory: folder }
  }
  new Launcher(description).run().catch(e => tell('event', name, e.message))
}

// expect writes into the store that number n of the venue comes next, as if the store had been restored from a copy. The
// engine may still have a number to write when it has logged off: this one is written until it stays, and then told.
async function expect (name, n) {
  const file = path.join(folder, fs.readdirSync(folder).find(f => f.includes(name) && f.endsWith('.seqnums')))
  const pause = () => new Promise(resolve => setTimeout(resolve, 250))
  for (let stays = 0; stays < 2; stays++) {
    const [sender, next] = fs.readFileSync(file, 'utf8').split(':')
    if (Number(next) !== n) {
      stays = 0
      replace(file, `${sender}: ${n}`)
    }
    await pause()
  }
  tell('set', name)
}

tell('ready', '-')
readline.createInterface({ input: process.stdin }).on('line', line => {
  const [verb, name] = line.split(' ', 2)
  const rest = line.split(' ').slice(2).join(' ')
  try {
    switch (verb) {
      case 'logon': logon(name); break
      case 'logout': live.get(name).done(); break
      case 'send': live.get(name).say(rest); break
      case 'next-in': expect(name, Number(rest)).catch(e => tell('bad', name, e.message)); break
      case 'quit': process.exit(0)
      default: tell('bad', name, line) // eslint-disable-line no-fallthrough
    }
  } catch (e) {
    tell('bad', name, `${line}: ${e.message}`)
  }
}).on('close', () => process.exit(0))
