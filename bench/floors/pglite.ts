// Floor of a start with the embedded database: opens the PGlite in the directory given, asks it one
// thing, and says so.

import process from "node:process";
import { PGlite } from "@electric-sql/pglite";

const pglite = await PGlite.create(process.argv[2] ?? "");
await pglite.query("select 1");
process.stdout.write('{"event":"ready"}\n');
await pglite.close();
process.exit(0);
