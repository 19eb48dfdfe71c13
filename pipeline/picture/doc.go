// Package picture reads and writes pictures: JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC and AVIF in, and what macOS reads beside them there; JPEG, PNG, TIFF
// and WebP out.
//
// A picture that Open returns is upright (its EXIF orientation has been applied), in sRGB (its ICC profile has been applied) and within limits that were
// checked before its pixels were allocated. What decodes it cannot end the program: a panic becomes an error, and time is bounded. Save replaces a file
// in one step or not at all, writes in the photo's colour space or in sRGB, carries EXIF, XMP and IPTC over, and writes the recipe, the settings that
// made the picture, into the XMP metadata, from where Recipe reads it back.
//
// Pixels have 8 bits: pictures of 16 bits are converted to sRGB with all of them, and rounded then. JPEG XL is not read, as no kept library does that.
//
// Of Gesso the package imports the system's decoder alone.
package picture
