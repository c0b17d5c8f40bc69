// Package interop has nothing but tests: stock FIX engines, as brokers have them, live through a day at the real server.
//
// The engines are small programs of ours around unmodified libraries, told by lines what to do (see quickfix/engine.cpp):
//
//	test ─ lines ─▶ engine (QuickFIX in C++, jspurefix in Node) ═ FIX over TCP ═▶ uncross serve --dev, a process that is killed
//	     ◀─ lines ─
//
// TestQuickFIXFailover has three nodes instead, and another one lead again and again; UNCROSS_FIX_FAILOVERS says how often. jspurefix
// knows one host only and is not in it.
//
// Invariants of every day: the engine, with its validation on and the FIX 4.4 dictionary as published, finds nothing wrong
// with any message of the venue's; the venue rejects nothing but what the script sends wrong on purpose; what is answered
// is answered once.
//
// A test skips where its engine is not installed. It needs
//
//   - for QuickFIX: a C++ compiler, the package libquickfix-dev (1.15), and a data dictionary FIX44.xml, which that package
//     lacks and the npm package jspurefix has;
//   - for jspurefix: Node and the npm package at the version that jspurefix/package.json names.
//
// The npm packages are looked for in .interop/node_modules at the repository's root, which is no part of it, or in the
// folder that the environment variable UNCROSS_INTEROP names. .ci/run installs all of it where it can. The tests of this
// package run one after another; each engine's output is read by a goroutine of its own.
package interop
