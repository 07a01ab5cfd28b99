// MicroPython's WebAssembly port runs one of the scripts beside this folder: node run.mjs PACKAGE HEAP SCRIPT ARGUMENT...
// Folders and files among the arguments are there, at the same place, in a file system of its own memory.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [packaged, heap, script, ...given] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(path.join(packaged, "micropython.mjs")));
const micropython = await loadMicroPython({
  heapsize: Number(heap),
  stdout: (line) => process.stdout.write(line + "\n"),
  stderr: (line) => process.stdout.write(line + "\n"),
});

function copied(place) {
  if (fs.statSync(place).isDirectory()) {
    micropython.FS.mkdirTree(place);
    fs.readdirSync(place).filter((name) => name !== "__pycache__").forEach((name) => copied(path.join(place, name)));
  } else {
    micropython.FS.mkdirTree(path.dirname(place));
    micropython.FS.writeFile(place, fs.readFileSync(place));
  }
}

given.filter((argument) => path.isAbsolute(argument) && fs.existsSync(argument)).forEach(copied);
micropython.FS.mkdirTree("/work");
micropython.FS.chdir("/work");
micropython.runPython(`import sys\nsys.argv[:] = ${JSON.stringify([script, ...given])}`);
try {
  micropython.runPython(fs.readFileSync(script, "utf8"));
} catch (error) {
  console.log(String(error)); // a Python exception brings its traceback as text
  process.exitCode = 1;
}
