// Numbers as the page carries them and as people read them; the same spelling as wording.py's.
const TYPES = {
  i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array,
  i4: Int32Array, u4: Uint32Array, f4: Float32Array, f8: Float64Array,
};
const NONE = "–";

const readJson = (id) => {
  const element = document.getElementById(id);
  return element && JSON.parse(element.textContent);
};

// Plotly's packed arrays; what is not packed comes back as it is.
const unpack = (values) => {
  if (!values || values.bdata === undefined) return values;
  const bytes = Uint8Array.from(atob(values.bdata), (character) => character.charCodeAt(0));
  return new TYPES[values.dtype](bytes.buffer);
};

// As Python's `.1f`: a half goes to the even neighbour, where toFixed takes the larger one.
const fixed = (value, digits) => {
  // of binary fractions only those with one bit more than there are digits lie half-way
  const isHalf = Math.abs(value * 2 ** (digits + 1)) % 2 === 1;
  if (!isHalf) return value.toFixed(digits);
  return ((2 * Math.round((value * 10 ** digits) / 2)) / 10 ** digits).toFixed(digits);
};

// As Python's `.3g`: three digits, no zeros at the end.
const general = (value) => {
  if (value === 0) return "0";
  const [digits, power] = value.toExponential(2).split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 3) {
    const sign = exponent < 0 ? "-" : "+";
    return `${Number(digits)}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  return String(Number(value.toPrecision(3)));
};

const whole = (value) => value.toLocaleString("en");
