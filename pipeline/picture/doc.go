// Package picture reads and writes pictures: JPEG, PNG, TIFF and WebP in, and what macOS reads beside them there; JPEG and PNG out.
//
// A picture that Open returns is upright (its EXIF orientation has been applied) and within limits that were checked before
// its pixels were allocated. Save replaces a file in one step or not at all, carries EXIF and ICC over, and writes the recipe,
// the settings that made the picture, into the XMP metadata, from where Recipe reads it back.
//
// Pixels keep the colour space of their file: an ICC profile is handed on, never applied. What the system decodes comes as sRGB.
//
// Of Gesso the package imports the system's decoder alone.
package picture
