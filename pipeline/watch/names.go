package watch

import (
	"path/filepath"
	"regexp"
	"strings"
)

// transient are names that programs give to files which are not finished, or not pictures, although their extension may be a picture's. Names
// with other extensions (.tmp, .part, .crdownload, .lrtmp) need no pattern: they are no pictures' names.
var transient = []*regexp.Regexp{
	regexp.MustCompile(`^[.~]`),                                                            // rsync .name.Xa3bQ1, Finder ._name, Chrome .com.google.Chrome.x, Office and Photoshop ~name, Gesso's own
	regexp.MustCompile(`(?i)^photoshop temp\d*`),                                           // Photoshop's scratch files
	regexp.MustCompile(`(?i)^ps[0-9a-f]{4,}\.tmp`),                                         // Photoshop saving in place
	regexp.MustCompile(`(?i)^lr[-_]?te?mp|^AgTemp`),                                        // Lightroom exporting
	regexp.MustCompile(`(?i)\.sb-[0-9a-f]{8}-\w{6}`),                                       // a Mac program saving from its sandbox
	regexp.MustCompile(`(?i)^unconfirmed \d+`),                                             // Chrome downloading
	regexp.MustCompile(`(?i)\.(tmp|part|partial|crdownload|download|filepart|lock)\.\w+$`), // name.part.jpg
	regexp.MustCompile(`(?i)_exiftool_tmp`),
}

// Transient tells by its name whether a file is one that another program will rename or remove, and is to be left alone.
func Transient(name string) bool {
	for _, t := range transient {
		if t.MatchString(name) {
			return true
		}
	}
	return false
}

// passed are folders in which nobody means their pictures to be taken: packages, thumbnails, bins.
var passed = regexp.MustCompile(`(?i)^\.|\.(download|photoslibrary|lrdata|lrlibrary|aplibrary|app|bundle)$|^@eadir$|^#recycle$|^\$recycle\.bin$|^system volume information$|^lost\+found$`)

// passedOver tells whether a folder is left alone.
func passedOver(name string) bool { return passed.MatchString(name) }

// companions are files beside an empty one which say that a browser is about to fill it.
var companions = []string{".part", ".crdownload", ".download", ".opdownload"}

// beingDownloaded tells whether a browser holds the place of a file with an empty one.
func beingDownloaded(path string, size int64, exists func(string) bool) bool {
	if size > 0 {
		return false
	}
	for _, end := range companions {
		if exists(path + end) {
			return true
		}
	}
	stem := strings.TrimSuffix(path, filepath.Ext(path))
	return exists(stem + ".part")
}
